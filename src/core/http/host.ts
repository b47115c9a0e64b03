/** Names of hosts: one canonical spelling for routing, policy, certificates and logs alike, or none. */

import { parseIp } from '../address.ts';
import { consistsOf, digit, registeredName } from './octets.ts';
import type { Authority } from './head.ts';
import { isPunycode } from './punycode.ts';

/** RFC 1035, 2.3.4: 255 octets on the wire are 253 characters without the last dot; a label has 63. */
const hostCharactersMax = 253;
const labelCharactersMax = 63;

/**
 * The one spelling of a host: lower case, without one trailing dot, an IPv6 address in brackets as RFC 5952 writes it
 * (a v4-mapped one as v4). Null for everything that two parsers could read differently: user info, ports, percent,
 * control characters, empty labels, numbers that are no dotted decimal (`127.1`, `0x7f.1`), and names that are not ASCII:
 * an internationalised name comes as its A-label.
 *
 * Verified: the spelling. Not verified: that the name exists. Example: `canonicalHost('A.Example.')` is `'a.example'`.
 */
export function canonicalHost(raw: string): string | null {
  if (raw.startsWith('[')) return bracketed(raw);
  const name = (raw.endsWith('.') ? raw.slice(0, -1) : raw).toLowerCase();
  if (name.length === 0 || name.length > hostCharactersMax) return null;
  const labels = name.split('.');
  if (!labels.every(isLabel)) return null;
  const label = labels.at(-1) ?? '';
  // What ends in a number is read as an address by browsers and C libraries: it must be one, in its one spelling.
  if (isNumber(label)) return parseIp(name)?.version === 4 ? name : null;
  return name;
}

/**
 * Reads `host[:port]` as in Host (RFC 9110, 7.2). Besides canonical hosts it takes whatever RFC 3986 lets a
 * registered name be (`0.0.0.0=5000` is legal), in lower case: nothing that is configured can equal it.
 * An empty port is none (RFC 3986, 6.2.3). Null when malformed.
 */
export function parseAuthority(raw: string): Authority | null {
  const bracket = raw.lastIndexOf(']');
  const colon = raw.indexOf(':', bracket + 1);
  const host = colon === -1 ? raw : raw.slice(0, colon);
  const port = colon === -1 || colon === raw.length - 1 ? null : parsePort(raw.slice(colon + 1));
  if (port === undefined) return null;
  const canonical = canonicalHost(host);
  if (canonical !== null) return { host: canonical, port };
  const unusual = host.length > 0 && host.length <= hostCharactersMax && consistsOf(host, registeredName) && !consistsOf(host, hostName);
  return unusual ? { host: host.toLowerCase(), port } : null;
}

/** `host` or `host:port`, ready for Host and for logs. */
export function authorityText(authority: Authority): string {
  return authority.port === null ? authority.host : `${authority.host}:${authority.port}`;
}

/** One to five digits, at most 65535; undefined when malformed. */
export function parsePort(text: string): number | undefined {
  if (text.length === 0 || text.length > 5 || !consistsOf(text, digit)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function bracketed(raw: string): string | null {
  if (!raw.endsWith(']')) return null;
  const inner = raw.slice(1, -1);
  const ip = inner.includes(':') ? parseIp(inner) : null;
  if (ip === null) return null;
  return ip.version === 4 ? ip.text : `[${ip.text}]`;
}

/** Letters, digits, hyphens inside, and the underscore that development names are full of. */
function isLabel(label: string): boolean {
  if (label.length === 0 || label.length > labelCharactersMax) return false;
  if (label.startsWith('-') || label.endsWith('-') || !consistsOf(label, hostLabel)) return false;
  return !label.startsWith('xn--') || isPunycode(label.slice(4));
}

/** What WHATWG URL and inet_aton take for a number: digits, or `0x` and hex digits. */
function isNumber(label: string): boolean {
  if (consistsOf(label, digit)) return true;
  return label.startsWith('0x') && consistsOf(label.slice(2), hexadecimal);
}

const only = (characters: string): Uint8Array => {
  const octets = new Uint8Array(256);
  for (let at = 0; at < characters.length; at += 1) octets[characters.charCodeAt(at)] = 1;
  return octets;
};
const hostLabel = only('abcdefghijklmnopqrstuvwxyz0123456789-_');
const hostName = only('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.');
const hexadecimal = only('0123456789abcdef');
