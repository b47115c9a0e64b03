/** The names that a local CA may ever sign for, and their form in its certificate (RFC 5280, 4.2.1.10). */

import { hostname } from 'node:os';
import { contains, parseIp, parseNetwork, type Ip, type Network } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import { canonicalHost } from '../../core/http/host.ts';

/** A name for a certificate: canonical, an address without brackets. */
export type CertificateName = Readonly<{ is: 'dns'; text: string }> | Readonly<{ is: 'ip'; text: string; ip: Ip }>;

/** Names that no public CA signs for and no stranger can own: this machine, this network, and what is set aside for them. */
const ownDomains: readonly string[] = ['localhost', 'local', 'home.arpa', 'internal'];
const ownNetworks: readonly Network[] = [
  ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
  ...['::1/128', 'fe80::/10', 'fc00::/7'],
].flatMap((text) => parseNetwork(text) ?? []);

/** Reads a host as it is configured or granted (`*.` allowed in front). Errors: `name-malformed`. */
export function certificateName(raw: string): CertificateName {
  const wildcard = raw.startsWith('*.');
  const host = parseIp(raw)?.text ?? canonicalHost(wildcard ? raw.slice(2) : raw);
  if (host === null) {
    throw new SallyportError('name-malformed', `No certificate can carry the name ${JSON.stringify(raw.slice(0, 80))}.`, {
      hint: 'Write a host name or an address, an internationalised name as its xn-- form.',
    });
  }
  const ip = parseIp(host.replace(/^\[|\]$/g, ''));
  if (ip !== null) return { is: 'ip', text: ip.text, ip };
  return { is: 'dns', text: wildcard ? `*.${host}` : host };
}

/** What a new CA permits besides loopback and private ranges: its own domains, this host's name, and what was asked for. */
export function domainsFor(granted: readonly string[], host: string = hostname()): readonly string[] {
  const own = canonicalHost(host);
  const domains = [...ownDomains, ...(own === null || !isOnlyOurs(own) ? [] : [own]), ...granted];
  // What lies below another is permitted with it.
  return [...new Set(domains)].filter((domain) => !domains.some((above) => above !== domain && isBelow(domain, above)));
}

/** Whether a CA with these domains and granted addresses may sign for the name. */
export function permits(domains: readonly string[], addresses: readonly string[], name: CertificateName): boolean {
  if (name.is === 'ip') return ownNetworks.some((network) => contains(network, name.ip)) || addresses.includes(name.text);
  const host = name.text.startsWith('*.') ? name.text.slice(2) : name.text;
  return domains.some((domain) => host === domain || isBelow(host, domain));
}

/**
 * A permitted domain permits all names below it, and a machine may be called `dev`, `app` or `box`: those are whole
 * top-level domains. Every one of them consists of letters (RFC 1123, 2.1) or begins with `xn--`.
 */
function isOnlyOurs(host: string): boolean {
  if (parseIp(host) !== null) return false;
  return host.includes('.') || !(/^[a-z]+$/.test(host) || host.startsWith('xn--'));
}

function isBelow(host: string, domain: string): boolean {
  return host.endsWith(`.${domain}`);
}

/**
 * The extension's value, DER. A kind of name that has a permitted list admits only what is on it, so e-mail
 * addresses and URIs get a list of one name that cannot exist (RFC 2606: `.invalid`). Directory names get none:
 * Go's verifier refuses every chain whose critical constraints hold a kind it does not know, and no client
 * takes a server's identity from them; the CA's own extended key usage keeps it to TLS servers.
 */
export function nameConstraints(domains: readonly string[], addresses: readonly string[]): Uint8Array<ArrayBuffer> {
  const hosts = addresses.flatMap((text) => parseNetwork(text) ?? []);
  const names = [
    ...domains.map((domain) => der(0x82, ascii(domain))),
    ...[...ownNetworks, ...hosts].map((network) => der(0x87, addressAndMask(network))),
    der(0x81, ascii('nobody.invalid')),
    der(0x86, ascii('nobody.invalid')),
  ];
  const permitted = names.map((name) => der(0x30, name));
  return der(0x30, der(0xa0, joined(permitted)));
}

function addressAndMask({ ip, prefix }: Network): Uint8Array<ArrayBuffer> {
  const bits = ip.groups.length * 16;
  const bytes = ip.groups.flatMap((group) => [group >> 8, group & 255]);
  const mask = Array.from({ length: bits / 8 }, (_, at) => 255 & (255 << Math.min(8, Math.max(0, 8 - (prefix - at * 8)))));
  return Uint8Array.from([...bytes, ...mask]);
}

/** One DER element: tag, length in its shortest form, content. */
function der(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = content;
  const long = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  if (length > 65_535) throw new RangeError('too many names for one certificate');
  return joined([Uint8Array.from([tag, ...long]), content]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
