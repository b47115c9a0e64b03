/** What a relay is to do: its file and its words together. What both say is a contradiction, and is refused. */

import { configOrThrow } from '../controlplane/config/file-parser.ts';
import { parseDuration } from '../controlplane/config/duration.ts';
import { readDomain, readListen } from '../controlplane/config/forms.ts';
import type { PagesPlan } from '../controlplane/config/page-keys.ts';
import { relayParser } from '../controlplane/config/relay-file.ts';
import type { RelayConfig } from '../controlplane/config/relay-file.ts';
import type { TerminatePlan } from '../controlplane/config/terminate-schema.ts';
import { splitAddress } from '../controlplane/enrolment/invite-code.ts';
import { nameServersMax, readNameServer } from '../controlplane/enrolment/txt-proof.ts';
import { SallyportError } from '../core/errors.ts';
import { defaults, limitsWith } from '../core/limits.ts';
import type { Limits } from '../core/limits.ts';
import { readFileText } from './file-text.ts';

/** What stood on the command line. */
export type RelayWords = Readonly<{
  config?: string;
  listen?: readonly string[];
  http?: readonly string[];
  domain?: string;
  address?: string;
  certificate?: string;
  key?: string;
  drain?: string;
  ownDomains?: string;
  resolver?: readonly string[];
  user?: string;
}>;

type At = Readonly<{ host: string; port: number }>;

export type RelayPlan = Readonly<{
  domain: string;
  listen: readonly At[];
  /** Plain HTTP, for redirects. */
  plain: readonly At[];
  /** How gateways reach it: HOST:PORT. Null: the domain, or the address that it listens on. */
  address: string | null;
  /** Whom a process becomes that was started as root; null where nobody said. */
  user: string | null;
  /** How long connections may go on behind an upgrade. */
  drainMs: number;
  /** PEM, for the door on its own name. */
  files: Readonly<{ certificate: string; key: string }> | null;
  /** Names outside of the domain that one gateway may have, and the name servers that are asked; null where none may. */
  ownDomains: Readonly<{ perGateway: number; servers: readonly string[] | null }> | null;
  /** Whose TLS ends here, where their gateways agree; and the firewall before them. */
  terminate: readonly TerminatePlan[];
  firewall: boolean;
  /** How its own pages look and read; null for as usual. */
  pages: PagesPlan | null;
  limits: Limits;
  /** The file that part of it came from, as it was when it was read. */
  file: Readonly<{ path: string; named: string; text: string }> | null;
}>;

export const relayListenDefault = '0.0.0.0:443';

/** Errors: `usage-wrong`, `port-malformed`, `config-missing`, `config-malformed`. */
export async function planRelay(words: RelayWords, cwd: string): Promise<RelayPlan> {
  if (words.config === undefined) return planOf(words, null, null);
  const { path, text } = await readFileText(words.config, cwd);
  const config = configOrThrow(relayParser().parse(text, path), words.config, 'sallyport config check --relay');
  return planOf(words, config, { path, text, named: words.config });
}

function planOf(words: RelayWords, config: RelayConfig | null, file: RelayPlan['file']): RelayPlan {
  if (config !== null) refuseBoth(words, config);
  const address = config?.address ?? words.address ?? null;
  if (address !== null) splitAddress(address);
  return {
    domain: config?.domain ?? checkedDomain(words.domain, file?.named ?? null),
    listen: ofScheme(config, 'https') ?? (words.listen ?? [relayListenDefault]).map((text) => checkedListen(text, 'listen')),
    plain: ofScheme(config, 'http') ?? (words.http ?? []).map((text) => checkedListen(text, 'http')),
    address,
    user: words.user ?? config?.user ?? null,
    drainMs: config?.drainMs ?? drainOf(words),
    files: config?.files ?? filesOf(words),
    ownDomains: config?.ownDomains ?? ownDomainsOf(words),
    terminate: config?.terminate ?? [],
    firewall: config?.firewall ?? true,
    pages: config?.pages ?? null,
    limits: limitsWith(config?.limits ?? {}),
    file,
  };
}

/** One of the two would be passed over without a word, and an edit of the file would change nothing. */
function refuseBoth(words: RelayWords, config: RelayConfig): void {
  const said = {
    user: config.user,
    domain: config.domain,
    listen: config.listen,
    http: config.listen,
    address: config.address,
    drain: config.drainMs,
  };
  const files = { certificate: config.files, key: config.files };
  const own = { ownDomains: config.ownDomains, resolver: config.ownDomains };
  for (const [key, value] of Object.entries({ ...said, ...files, ...own })) {
    if (value === null || words[key as keyof RelayWords] === undefined) continue;
    throw new SallyportError('usage-wrong', `Both --${key} and ${words.config ?? 'the file'} say it.`, {
      hint: `Leave out --${key === 'ownDomains' ? 'own-domains' : key}, or the line ${key === 'http' ? 'listen' : key}: of the file.`,
    });
  }
}

function drainOf({ drain }: RelayWords): number {
  const ms = drain === undefined ? defaults.upgradeDrainMs : parseDuration(drain);
  if (ms !== null && ms !== 'never') return ms;
  throw new SallyportError('usage-wrong', `--drain ${JSON.stringify(drain)} is no time.`, { hint: 'For example: --drain 30m' });
}

/** Errors: `usage-wrong`. */
function ownDomainsOf({ ownDomains, resolver }: RelayWords): RelayPlan['ownDomains'] {
  const servers = resolver ?? null;
  const wrong = servers?.find((server) => readNameServer(server) === null);
  if (wrong !== undefined || (servers?.length ?? 0) > nameServersMax)
    throw new SallyportError('usage-wrong', `--resolver ${JSON.stringify(wrong ?? '')} is no address of a name server.`, {
      hint: `For example: --resolver 192.0.2.53; ${nameServersMax} at most.`,
    });
  if (ownDomains === undefined) {
    if (servers === null) return null;
    throw new SallyportError('usage-wrong', '--resolver says who is asked for the proofs of own domains, and there are none.', {
      hint: 'Say --own-domains 10 beside it.',
    });
  }
  if (/^[1-9]\d{0,2}$/.test(ownDomains)) return { perGateway: Number(ownDomains), servers };
  throw new SallyportError('usage-wrong', `--own-domains ${JSON.stringify(ownDomains)} is no number of names.`, {
    hint: 'It is how many one gateway may have, 1 to 999: --own-domains 10',
  });
}

function filesOf({ certificate, key }: RelayWords): RelayPlan['files'] {
  if (certificate === undefined && key === undefined) return null;
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  throw new SallyportError('usage-wrong', '--certificate and --key go together.', { hint: 'Name both files.' });
}

function checkedDomain(text: string | undefined, file: string | null): string {
  const domain = text === undefined ? null : readDomain(text);
  if (domain !== null) return domain;
  throw new SallyportError('usage-wrong', text === undefined ? 'A relay needs a domain.' : `${JSON.stringify(text)} is no domain.`, {
    hint: file === null ? 'For example: sallyport relay --domain example.org' : `Write a line into ${file}: domain: example.org`,
  });
}

/** Null where the file does not say where to listen. */
function ofScheme(config: RelayConfig | null, scheme: 'http' | 'https'): readonly At[] | null {
  const listen = config?.listen ?? null;
  return listen === null ? null : listen.filter((each) => each.scheme === scheme).map(({ host, port }) => ({ host, port }));
}

function checkedListen(text: string, word: 'listen' | 'http'): At {
  const listen = readListen(`https://${text}`);
  if (listen !== null && /:\d+$/.test(text)) return { host: listen.host, port: listen.port };
  throw new SallyportError('port-malformed', `--${word} ${JSON.stringify(text)} is no address with a port.`, {
    hint: `For example: --${word} 0.0.0.0:${word === 'http' ? '80' : '443'}`,
  });
}
