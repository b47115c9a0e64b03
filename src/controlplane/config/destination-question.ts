/** Answers `sallyport explain --destination`: whether a proxy would lead somebody there, and what decides it. */

import type { Client } from '../../contracts/clients.ts';
import type { Service } from '../../contracts/snapshot.ts';
import { readDestination, type Destination } from '../../core/egress/destination.ts';
import type { Ruled } from '../../core/egress/policy.ts';
import { fault, SallyportError, type Fault } from '../../core/errors.ts';
import { parseAuthority } from '../../core/http/host.ts';
import { certificateSubject, markedFingerprint } from '../../core/policy/certificate-subject.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { explain } from '../../core/policy/explain.ts';
import { answerQuestion, type Answer, type Asked, type Question } from './question.ts';

/** `as`: a client, `key:NAME` or a user; null for nobody in particular. `proxy`: which one, null where there is one. */
export type DestinationQuestion = Readonly<{ destination: string; method: string; as: string | null; proxy: string | null }>;

/** `code` as the record would have it; `rule` the entry, or the guard, that decided; null for what always holds. */
export type DestinationAnswer = Readonly<{ proxy: string } & Pick<Ruled, 'verdict' | 'code' | 'why' | 'rule'>>;

export type Answering = {
  (question: Question): Promise<Answer>;
  (question: DestinationQuestion): Promise<DestinationAnswer>;
};

/** `holderOf`: the name in a certificate of our own, by its fingerprint. */
type Facts = Asked & Readonly<{ clientOf?: (name: string) => Client | null; holderOf?: (fingerprint: string) => string | null }>;

/** Answers both kinds of question. Errors: `usage-wrong`. */
export function answering(facts: Facts): Answering {
  function answer(question: Question): Promise<Answer>;
  function answer(question: DestinationQuestion): Promise<DestinationAnswer>;
  function answer(question: Question | DestinationQuestion): Promise<Answer | DestinationAnswer> {
    return 'destination' in question ? answerDestination(question, facts) : answerQuestion(question, facts);
  }
  return answer;
}

/** What is no address is looked up as the proxy would; an address asks nobody. Nothing is dialled, counted or recorded. */
async function answerDestination(question: DestinationQuestion, facts: Facts): Promise<DestinationAnswer> {
  const service = proxyOf(question.proxy, facts.snapshot.services);
  const proxy = service.name;
  const destination = destinationOf(question);
  // As the proxy says it, with 400: nothing is looked for in what has no single reading.
  if ('why' in destination) return { proxy, verdict: 'deny', code: destination.code, why: destination.why, rule: null };
  const exchange = exchangeOf(question, proxy, destination, facts);
  const route = facts.snapshot.route(exchange);
  if (route === null || !service.open) return { proxy, verdict: 'deny', code: 'service-closed', why: `${proxy} is closed`, rule: null };
  if (service.expires !== null && service.expires <= facts.now)
    return { proxy, verdict: 'deny', code: 'service-expired', why: `${proxy} has expired`, rule: null };
  if (exchange.identity !== null) {
    const { is, code, steps } = await explain(exchange, route, facts.about, async () => new Uint8Array());
    const settled = steps.find((step) => step.decides);
    if (is === 'refuse') return { proxy, verdict: 'deny', code, why: settled?.why ?? 'nothing lets them in', rule: settled?.words ?? null };
  }
  const ruled = await service.ruling?.(exchange);
  return { proxy, ...(ruled ?? { verdict: 'deny', code: 'destination-missing', why: `${proxy} leads nobody anywhere`, rule: null }) };
}

function proxyOf(wanted: string | null, services: readonly Service[]): Service {
  const proxies = services.filter(({ ruling }) => ruling !== undefined);
  const [first] = proxies;
  const found = wanted === null ? (proxies.length === 1 ? first : undefined) : proxies.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = proxies.map(({ name }) => name).join(', ');
  throw new SallyportError('usage-wrong', first === undefined ? 'No proxy runs here.' : 'Which proxy is not said, or is none.', {
    hint: first === undefined ? 'Start one: sallyport proxy' : `Say --proxy, one of: ${names}`,
  });
}

/** Errors: `usage-wrong` for a method that is none. Fault: what a proxy refuses to read as a place. */
function destinationOf({ destination, method }: DestinationQuestion): Destination | Fault {
  if (!/^[A-Z]{1,20}$/.test(method))
    throw new SallyportError('usage-wrong', `${JSON.stringify(method)} is no method.`, { hint: 'For example: --method GET' });
  const authority = parseAuthority(destination);
  if (authority === null) return fault('target-malformed', 'a destination whose host has no single reading');
  if (authority.port === null) return fault('target-malformed', 'a destination without a port');
  return readDestination(method === 'CONNECT' ? 'connect' : 'http', method, authority.host, authority.port);
}

function exchangeOf({ as }: DestinationQuestion, proxy: string, destination: Destination, { now, ...facts }: Facts): Exchange {
  const target = `${destination.host}:${destination.port}`;
  return {
    id: '0'.repeat(26),
    at: now,
    listener: {
      name: 'explain',
      scheme: 'https',
      port: 443,
      via: 'direct',
      loopback: false,
      proxy: { service: proxy, http: true, socks5: true, hide: false },
    },
    from: { ip: '127.0.0.1', port: 0 },
    host: '',
    sni: null,
    destination,
    identity: as === null ? null : identityOf(as, facts),
    http: {
      method: destination.method,
      target,
      path: null,
      minor: 1,
      fields: [],
      authority: { host: destination.host, port: destination.port },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
    },
  };
}

/** A client is its first member: all have the same limits, and lists name keys, users and roles. */
function identityOf(as: string, { clientOf, holderOf, rolesOf }: Pick<Facts, 'clientOf' | 'holderOf' | 'rolesOf'>): Identity {
  const member = clientOf?.(as)?.members[0] ?? (as.includes(':') ? as : `user:${as}`);
  // One certificate is judged by the name in it as well, where that is known here.
  const fingerprint = markedFingerprint(member);
  const holder = fingerprint === null ? null : (holderOf?.(fingerprint) ?? null);
  const subject = holder === null ? member : certificateSubject(holder);
  const who = subject.startsWith('user:') ? subject.slice('user:'.length) : subject;
  const shown = holder === null || fingerprint === null ? {} : { certificate: fingerprint };
  return { guard: 'explain', subject, name: as, by: 'session', roles: rolesOf?.(who) ?? [], ...shown };
}
