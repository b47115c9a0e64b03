/** A request to a proxy as the policy sees it: who asks, and where to. What the destination is told is none of its business. */

import type { Address } from '../address.ts';
import { fault, type Fault } from '../errors.ts';
import { fieldOf } from '../http/fields.ts';
import { VisitorLines, pseudonym } from '../http/forward.ts';
import type { RequestHead } from '../http/head.ts';
import type { Exchange, ListenerFacts } from '../policy/exchange.ts';
import { onlyField } from '../policy/credentials.ts';
import type { SocksCredentials } from '../socks/socks5.ts';
import { anyDatagrams, datagramPlace, readDestination, type Destination } from './destination.ts';

type Facts = Readonly<{ id: string; at: number; listener: ListenerFacts; from: Address; sni: string | null }>;

/**
 * The exchange of a request in absolute form, or of CONNECT. Its head is that of the guards: Proxy-Authorization stands there as
 * Authorization, and nothing else does, so that no credential or cookie of the destination is taken for one of ours.
 * In origin form somebody asks the proxy itself: the exchange has no destination.
 * Faults: `target-malformed`.
 */
export function proxiedRequest(head: RequestHead, facts: Facts): Exchange | Fault {
  const way = head.method === 'CONNECT' ? 'connect' : 'http';
  if (way === 'http' && head.absolute !== true) {
    const isOwn = head.target.startsWith('/') || head.target === '*';
    if (!isOwn) return fault('target-malformed', 'a scheme other than http without CONNECT');
    return { ...facts, host: head.authority.host, http: head, identity: null };
  }
  const { host, port } = head.authority;
  const isInside = way === 'connect' && host === datagramPlace.host && port === datagramPlace.port;
  const named = isInside ? datagramsInside : readDestination(way, head.method, host, port ?? 80);
  if ('code' in named) return named;
  const hops = hopsIn(head);
  if (hops === null) return fault('target-malformed', `a ${hopsField} that is none`);
  const to = hops.length === 0 ? named : { ...named, hops };
  const fields = head.fields.filter(({ lower }) => lower === 'proxy-authorization').map(({ value }) => fieldOf('Authorization', value));
  const http: RequestHead = { ...head, method: to.method, fields, upgrade: null };
  return { ...facts, host: facts.sni ?? '', http, identity: null, destination: to, ...(way === 'http' ? { led: head } : {}) };
}

const datagramsInside: Destination = { ...anyDatagrams, inside: true };

/** Where gateways that ask each other say who they are: one word each, so that none leads to itself by the others. */
export const hopsField = 'Sallyport-Hops';

function hopsIn({ fields }: RequestHead): readonly string[] | null {
  const said = onlyField(fields, hopsField.toLowerCase());
  if (said === null) return [];
  return typeof said === 'string' && /^[\w-]{1,32}(?: [\w-]{1,32}){0,63}$/.test(said) ? said.split(' ') : null;
}

/**
 * The exchange of a SOCKS client, in the form in which every guard of HTTP can judge it.
 * Faults: `target-malformed`.
 */
export function proxiedSocks(
  asked: Readonly<{ host: string; port: number; credentials: SocksCredentials | null; udp?: true }>,
  facts: Facts,
): Exchange | Fault {
  const to = asked.udp === true ? anyDatagrams : readDestination('socks5', 'CONNECT', asked.host, asked.port);
  if ('code' in to) return to;
  return { ...facts, host: facts.sni ?? '', http: socksHead(to, asked.credentials), identity: null, destination: to };
}

function socksHead({ host, port, method }: Destination, credentials: SocksCredentials | null): RequestHead {
  return {
    method,
    target: `${host}:${port}`,
    path: null,
    minor: 1,
    fields: credentials === null ? [] : [fieldOf('Authorization', `Basic ${basicToken(credentials)}`)],
    authority: { host, port },
    framing: { is: 'none' },
    persistent: false,
    expectsContinue: false,
    upgrade: null,
  };
}

function basicToken({ user, password }: SocksCredentials): string {
  // A colon in the name would move it into the password.
  const text = user.includes(':') ? '' : `${user}:${password}`;
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** What stands behind a listener is told of its visitor. */
export function visitorLines({ ip }: Address, { scheme, port, proxy }: ListenerFacts, version?: '2.0'): VisitorLines {
  const Lines = proxy === undefined ? VisitorLines : ProxyLines;
  return new Lines({ from: ip, scheme: scheme === 'http' ? 'http' : 'https', port, ...(version === undefined ? {} : { version }) });
}

/** What a destination is told of whoever asks through a proxy: that there is one (RFC 9110, 7.6.3), and nothing else. */
class ProxyLines extends VisitorLines {
  override of({ minor }: RequestHead): string {
    return `Via: ${this.version ?? `1.${minor}`} ${pseudonym}\r\n`;
  }
}
