/** PageKite's own words: `80 blog.example.org +password/ana=foo +ip/1.2.3=ok AND ./site files.example.org +indexes`. */

import { SallyportError } from '../core/errors.ts';
import { readHostName } from '../controlplane/config/forms.ts';
import { checkedFolder, checkedNetworks, checkedTarget, nameFor } from './share-request.ts';
import type { ShareRequest } from './share-request.ts';

/** A password that stood in the command line: it is put into the store, and nowhere else. */
export type SpokenPassword = Readonly<{ user: string; password: string }>;

export type PageKiteShares = Readonly<{ requests: readonly ShareRequest[]; passwords: readonly SpokenPassword[] }>;

/** Whether words are PageKite's: a `+flag`, `AND`, or a name after the port. */
export function isPageKite(words: readonly string[]): boolean {
  if (words.some((word) => word === 'AND' || /^\+[a-z]/.test(word))) return true;
  const [first = '', second = '', ...rest] = words;
  return rest.length === 0 && /^\d+$/.test(first) && second.includes('.') && !second.startsWith('-') && readHostName(second) !== null;
}

/**
 * Reads the words. A share without `+password` and `+ip` gets a secret link, where PageKite's was open to everyone.
 * Errors: `usage-wrong`, `port-malformed`, `name-malformed`.
 */
export function readPageKite(words: readonly string[], cwd: string): PageKiteShares {
  const parts = splitAtAnd(words);
  const shares = parts.map((part) => readShare(part, cwd));
  const names = shares.map(({ request }) => request.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new SallyportError('name-taken', `Two shares would be called ${twice}.`, {
      hint: 'Give each a name of its own: PORT NAME.example.org AND PORT OTHER.example.org',
    });
  return { requests: shares.map(({ request }) => request), passwords: shares.flatMap(({ passwords }) => passwords) };
}

function splitAtAnd(words: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  for (const word of words) {
    if (word === 'AND') parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

/** What the flags of one share say, gathered. */
type Flags = {
  allow: string[];
  passwords: SpokenPassword[];
  insecure: boolean;
  rewriteHost: boolean | string;
  rawHeaders: boolean;
  indexes: boolean;
  proxy: 'v1' | 'v2' | null;
};

function readShare(words: readonly string[], cwd: string): { request: ShareRequest; passwords: readonly SpokenPassword[] } {
  const [target, ...more] = words.filter((word) => !word.startsWith('+'));
  if (target === undefined)
    throw new SallyportError('usage-wrong', 'A share begins with a port or a folder.', {
      hint: 'For example: sallyport 80 blog.example.org',
    });
  if (more.length > 1)
    throw new SallyportError('usage-wrong', `One name is enough for a share, and ${more.join(' and ')} are two.`, {
      hint: 'Join several shares with AND.',
    });
  const host = more[0] === undefined ? null : readHostName(more[0]);
  if (more[0] !== undefined && host === null)
    throw new SallyportError('name-malformed', `${JSON.stringify(more[0])} is no name for a share.`, {
      hint: 'For example: sallyport 80 blog.example.org',
    });
  const flags = readFlags(words.filter((word) => word.startsWith('+')));
  const isFolder = target.includes('/') && !target.includes('://');
  const place = isFolder ? { dir: checkedFolder(target, cwd) } : { to: checkedTarget(target) };
  const request: ShareRequest = {
    name: host === null ? nameFor(null, place) : nameFor(host.split('.')[0] ?? host, place),
    at: host === null || !host.includes('.') ? [] : [host],
    to: 'to' in place ? place.to : null,
    dir: 'dir' in place ? place.dir : null,
    indexes: flags.indexes,
    access: {
      isPublic: false,
      link: false,
      keys: [],
      users: [...new Set(flags.passwords.map(({ user }) => user))],
      allow: checkedNetworks(flags.allow),
      webhook: null,
    },
    firewall: flags.insecure ? 'off' : 'on',
    rewriteHost: flags.rewriteHost,
    rawHeaders: flags.rawHeaders,
    from: null,
    proxy: flags.proxy,
    // PageKite's shares stay until they are ended.
    for: null,
  };
  return { request, passwords: flags.passwords };
}

function readFlags(words: readonly string[]): Flags {
  const flags: Flags = { allow: [], passwords: [], insecure: false, rewriteHost: false, rawHeaders: false, indexes: false, proxy: null };
  for (const word of words) readFlag(word, flags);
  return flags;
}

function readFlag(word: string, flags: Flags): void {
  const [, key = '', argument, value] = /^\+([a-z]+)(?:\/([^=]*))?(?:=([\s\S]*))?$/.exec(word) ?? [];
  switch (key) {
    case 'password':
      if (argument === undefined || argument === '' || value === undefined || value === '')
        throw wrong('+password', '+password/NAME=PASSWORD');
      flags.passwords.push({ user: argument, password: value });
      return;
    case 'ip':
      // PageKite let any value count, `=no` too: that nobody means.
      if (argument === undefined || value !== 'ok') throw wrong('+ip', '+ip/1.2.3=ok or +ip/1.2.3.4=ok');
      flags.allow.push(argument);
      return;
    case 'insecure':
      flags.insecure = true;
      break;
    case 'rewritehost':
      flags.rewriteHost = value ?? true;
      return argument === undefined ? undefined : refuseValue(word);
    case 'rawheaders':
      flags.rawHeaders = true;
      break;
    case 'indexes':
      flags.indexes = true;
      break;
    case 'proxyproto':
      if (argument !== undefined || !['1', '2', undefined].includes(value)) throw wrong('+proxyproto', '+proxyproto, or +proxyproto=2');
      flags.proxy = value === '2' ? 'v2' : 'v1';
      return;
    default:
      throw new SallyportError('usage-wrong', `+${key} is no word that Sallyport knows.`, {
        hint: 'It knows +password/NAME=PASSWORD +ip/1.2.3=ok +insecure +rewritehost +rawheaders +indexes +proxyproto',
      });
  }
  if (argument !== undefined || value !== undefined) refuseValue(word);
}

function refuseValue(word: string): never {
  throw wrong(word.replace(/[/=].*$/s, ''), word.replace(/[/=].*$/s, ''));
}

/** Never repeats what was typed: it may hold a password. */
function wrong(flag: string, right: string): SallyportError {
  return new SallyportError('usage-wrong', `${flag} is not written like this.`, { hint: `Write ${right}` });
}
