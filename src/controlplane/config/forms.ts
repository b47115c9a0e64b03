/** The small forms inside a configuration: names, ports, URLs, moments; each read strictly or not at all. */

import { isIP, isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { canonicalHost } from '../../core/http/host.ts';
import type { Behind, Listen } from './plan.ts';

export const nameExpected = 'a name like blog.example.org';
export const domainExpected = 'a domain like example.org';
export const listenExpected = 'http://ADDRESS:PORT or https://ADDRESS:PORT, like https://0.0.0.0:443';
const portExpected = 'a port from 1 to 65535';

/**
 * A public name or an address in the one spelling of `canonicalHost` (an IPv6 address in brackets).
 * International names may be written as people read them. No port, no wildcard.
 */
export function readHostName(text: string): string | null {
  if (isIPv6(text)) return canonicalHost(`[${text}]`);
  if (text.startsWith('[')) return canonicalHost(text);
  // What is no ASCII goes through IDNA; what is, must not: it would decode percents and fold much else.
  const ascii = /^[\x21-\x7e]+$/.test(text) ? text : /[\s%/\\?#@:[\]]/.test(text) ? '' : domainToASCII(text);
  return canonicalHost(ascii);
}

/** A domain below which a relay grants names: of at least two labels, and no address. */
export function readDomain(text: string): string | null {
  const domain = readHostName(text);
  return domain !== null && domain.includes('.') && !/^[\d.[]/.test(domain) ? domain : null;
}

/** A DNS label: it becomes NAME.localhost and NAME.DOMAIN. */
export function readServiceName(text: string): string | null {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text) ? text : null;
}

/** Decimal digits only: 1 to 65535 (0 too for what we listen on: the system chooses). */
export function readPort(text: string, least: 0 | 1 = 1): number | null {
  if (!/^\d{1,5}$/.test(text) || (text.length > 1 && text.startsWith('0'))) return null;
  const port = Number(text);
  return port >= least && port <= 65_535 ? port : null;
}

/** `host` has no brackets: it is dialled or listened on. */
type Split = Readonly<{ host: string; port: string | null }>;

/** `HOST`, `HOST:PORT`, `[V6]:PORT` or a bare V6. */
function splitAuthority(text: string): Split | null {
  const match = isIPv6(text) ? [text, text] : /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const host = readHostName(match?.[1] ?? '');
  return host === null ? null : { host: host.replace(/^\[(.*)\]$/, '$1'), port: match?.[2] ?? null };
}

/** `https://0.0.0.0:443`; the port may be left out. The host is an address or `localhost`. */
export function readListen(text: string): Listen | null {
  const match = /^(https?):\/\/([^/?#@\s]+)\/?$/.exec(text);
  const parts = match === null ? null : splitAuthority(match[2] ?? '');
  if (match === null || parts === null) return null;
  if (isIP(parts.host) === 0 && parts.host !== 'localhost') return null;
  const scheme = match[1] === 'http' ? 'http' : 'https';
  const port = parts.port === null ? (scheme === 'http' ? 80 : 443) : readPort(parts.port, 0);
  return port === null ? null : { scheme, host: parts.host, port };
}

/** `relay.example.org` or `relay.example.org:8443`, kept as written but canonical. */
export function readRelay(text: string): string | null {
  const parts = splitAuthority(text);
  if (parts === null || (parts.port !== null && readPort(parts.port) === null)) return null;
  const host = isIPv6(parts.host) ? `[${parts.host}]` : parts.host;
  return parts.port === null ? host : `${host}:${parts.port}`;
}

export type BehindRead = Readonly<{ ok: true; value: Behind }> | Readonly<{ ok: false; expected: string }>;

/** `3000`, `127.0.0.1:3000`, `localhost:3000`, or a URL of `http`, `https`, `h2c`, `h2`, `tls`, `tcp` or `udp`: what is shared. */
export function readBehind(text: string): BehindRead {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) {
    const port = readPort(text);
    return port === null ? { ok: false, expected: portExpected } : { ok: true, value: { is: 'http', host: 'localhost', port } };
  }
  if (text.startsWith('unix:')) return readSocket(text.slice('unix:'.length));
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#@\s]+)(\/?)$/i.exec(text);
  if (match === null) return { ok: false, expected: 'a port or http://HOST:PORT, without path, user or query' };
  const scheme = match[1]?.toLowerCase();
  if (scheme !== undefined && !isKind(scheme)) return { ok: false, expected: 'http, https, h2c, h2, tls, tcp or udp before ://' };
  const is = scheme ?? 'http';
  const parts = splitAuthority(match[2] ?? '');
  const port = parts === null ? null : parts.port === null ? usualPort(scheme) : readPort(parts.port);
  const like = `a port or a URL like ${is}://127.0.0.1:${likePorts[is]}`;
  if (parts === null) return { ok: false, expected: like };
  if (port === null) return { ok: false, expected: parts.port === null ? like : portExpected };
  const { host } = parts;
  if (is === 'udp') return { ok: true, value: { is: 'port', transport: is, host, port, at: null } };
  const value: Behind = is === 'https' || is === 'h2c' || is === 'h2' ? { is: 'http', host, port, speaks: is } : { is, host, port };
  return { ok: true, value };
}

/** Linux has room for 107 bytes, macOS for 103. */
const socketPathBytesMax = 103;

/** A unix socket by its absolute path: a service that speaks HTTP there is called `localhost`. */
function readSocket(path: string): BehindRead {
  const bytes = new TextEncoder().encode(path).length;
  if (!/^\/[^\p{Cc}]+$/u.test(path) || bytes > socketPathBytesMax)
    return { ok: false, expected: `unix: and an absolute path of ${socketPathBytesMax} bytes at most, like unix:/run/app.sock` };
  return { ok: true, value: { is: 'http', host: 'localhost', port: 80, socket: path } };
}

/** For examples. */
const likePorts = { http: '3000', https: '8443', h2c: '50051', h2: '8443', tls: '8443', tcp: '22', udp: '53' } as const;

function isKind(scheme: string): scheme is keyof typeof likePorts {
  return Object.hasOwn(likePorts, scheme);
}

/** What an URL without a port means; null where one has to be said. */
export function usualPort(scheme: string | undefined): number | null {
  if (scheme === 'http') return 80;
  return scheme === 'https' || scheme === 'h2' ? 443 : null;
}

/** A moment with its zone (RFC 3339, 5.6), as milliseconds since 1970, or `never`. */
export function readInstant(text: string): number | 'never' | null {
  if (text === 'never') return 'never';
  const match = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(text);
  if (match === null || Number.isNaN(ms)) return null;
  // Date.parse takes 31 February for 3 March.
  const day = new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
  return day.getUTCDate() === Number(match[3]) ? ms : null;
}

/** An IPv4 address to dial from. */
export function readSource(text: string): string | null {
  return isIPv4(text) ? text : null;
}
