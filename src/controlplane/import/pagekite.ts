/** `sallyport import pagekite`: a configuration of PageKite as one of ours. No secret is copied, and nothing lets in more. */

import { SallyportError } from '../../core/errors.ts';
import { comment, flow } from './comment.ts';
import { readPageKiteFile, unread, type Option } from './pagekite-lines.ts';
import { reasonForOption } from './pagekite-reasons.ts';
import { importKite, kitesOf, settingOf, told, type ImportedKite, type Kite } from './pagekite-service.ts';
import type { Imported } from './pound.ts';

const ofKites: ReadonlySet<string> = new Set(['service_on', 'service_off', 'service_cfg', 'webpath', 'insecure', 'kitename']);

/** Errors: `config-malformed` with the line; `config-malformed` where there is nothing to import. */
export function importPageKite(text: string, named: string): Imported {
  const options = readPageKiteFile(text, named);
  const kites = options.flatMap((each) => (each.key === 'service_on' || each.key === 'service_off' ? readKites(each, named) : []));
  const visitors = options.find(({ key }) => key === 'client_acl');
  // Who it kept out at the front-end would come in.
  if (visitors !== undefined)
    throw unread(
      named,
      visitors.line,
      'found client_acl, which shuts visitors out by patterns',
      'Take the line out, and write access: [{ ip: […] }] at each service.',
    );
  if (kites.length === 0) throw nothing(named, options);
  const made = imported(kites, options);
  const unlike = options.filter(({ key }) => !ofKites.has(key)).map((each) => `${told(each)} — ${reasonForOption(each.key)}`);
  for (const each of orphans(kites, options)) unlike.push(`${told(each)} — no service of this file has this name and port`);
  const users = [...new Set(made.flatMap((each) => each.users))];
  const there = made.filter(({ values }) => values !== null);
  if (there.length === 0)
    throw new SallyportError('config-malformed', `${named} has no service that could be taken over.`, {
      hint: `The first: ${made[0]?.unlike.at(-1) ?? 'none'}`,
    });
  const lines = [
    '# From a configuration of PageKite, by `sallyport import pagekite`. Read it before it serves: `sallyport config check`.',
    '# What asked nobody who they are is access: [public]. To ask: access: [{ password: {} }], and `sallyport users add`.',
    '# The firewall stays on for those who are let in as well; firewall: auto is what PageKite did.',
    ...users.map((user) => comment(`The password of ${user} is not copied: sallyport users add ${user}`)),
    ...unlike.map(comment),
    'services:',
    ...made.flatMap(linesOf),
  ];
  const count = unlike.length + made.reduce((sum, each) => sum + each.unlike.length, 0);
  return { yaml: `${lines.join('\n')}\n`, services: there.map(({ name }) => name), unlike: count };
}

function readKites(each: Option, named: string): readonly Kite[] {
  const kites = kitesOf(each);
  if (kites === null)
    throw unread(
      named,
      each.line,
      `found a ${each.key} that is not PROTOCOL:NAME:HOST:PORT:SECRET`,
      'Does PageKite itself take it? If it does, leave out the line, and please report it.',
    );
  return kites;
}

function nothing(named: string, options: readonly Option[]): SallyportError {
  const isRelay = options.some(({ key }) => key === 'isfrontend' || key === 'domain');
  return new SallyportError('config-malformed', `${named} has no service_on.`, {
    hint: isRelay
      ? 'A front-end is a relay here, and needs no file: sallyport relay --domain example.org, then sallyport relay invite NAME.'
      : 'Is it a configuration of PageKite? It is usually ~/.pagekite.rc, or the files of /etc/pagekite.d put into one.',
  });
}

function imported(kites: readonly Kite[], options: readonly Option[]): readonly ImportedKite[] {
  const insecure = options.some(({ key }) => key === 'insecure');
  const names = new Set<string>();
  const hosts = new Map<string, Kite>();
  return inOrder(kites).map((kite) => {
    const first = hosts.get(kite.name);
    const isWeb = ['http', 'websocket', 'https'].includes(kite.proto);
    if (first !== undefined && isWeb && !kite.off) return twice(kite, first);
    const name = freshName(first === undefined ? kite.name : ownName(kite), names);
    const of = keyOf(kite);
    const settings = options.filter((each) => each.key === 'service_cfg' && settingOf(each).of === of);
    const paths = options.filter((each) => each.key === 'webpath' && (each.value.split(':')[0]?.toLowerCase() ?? '') === of);
    const made = importKite(kite, { settings, paths, insecure, nameTaken: first !== undefined }, name);
    if (made.values === null) names.delete(name);
    else if (first === undefined) hosts.set(kite.name, kite);
    return made;
  });
}

/** What is no HTTP has a name of its own here, beside the website of that name. */
function ownName({ name, proto, port }: Kite): string {
  return `${name.split('.')[0] ?? ''}-${proto === 'raw' ? (port === '22' || port === '' ? 'ssh' : port) : proto}`;
}

const keyOf = ({ name, port }: Kite): string => `${name}/${port === '' ? '80' : port}`;

/** One that we can look into, and guard, before one that goes by in TLS of its own. */
function inOrder(kites: readonly Kite[]): readonly Kite[] {
  return kites.toSorted((left, right) => rank(left) - rank(right));
}

function rank({ proto }: Kite): number {
  const place = ['http', 'websocket', 'https'].indexOf(proto);
  return place === -1 ? 3 : place;
}

function twice({ said, proto }: Kite, first: Kite): ImportedKite {
  const why =
    proto === 'websocket' && first.proto === 'http'
      ? 'WebSockets go where HTTP goes'
      : proto === 'https'
        ? 'TLS ends at the gateway, which can ask who comes; for a certificate of the service itself write to: tls://HOST:PORT'
        : `the name leads to line ${first.said.line}; write the service with a name of its own (at:)`;
  return { name: '', values: null, users: [], unlike: [`${told(said)} — ${proto}: left out: ${why}`] };
}

/** Settings that no kite of the file has. */
function orphans(kites: readonly Kite[], options: readonly Option[]): readonly Option[] {
  const known = new Set(kites.map(keyOf));
  return options.filter(
    ({ key, value }) => (key === 'service_cfg' || key === 'webpath') && !known.has(value.split(':')[0]?.toLowerCase() ?? ''),
  );
}

function freshName(host: string, names: Set<string>): string {
  const base =
    (host.split('.')[0] ?? '')
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 50) || 'kite';
  let name = base;
  for (let count = 2; names.has(name); count += 1) name = `${base}-${count}`;
  names.add(name);
  return name;
}

function linesOf({ name, values, unlike }: ImportedKite): readonly string[] {
  const told = unlike.map((each) => `  ${comment(each)}`);
  return values === null ? told : [...told, `  ${name}:`, ...values.map(([key, value]) => `    ${key}: ${flow(value)}`)];
}
