/** Where somebody wants to be led by a proxy: a host in its one spelling, a port, and how it was asked for. */

import { parseIp, type Ip } from '../address.ts';
import { fault, type Fault } from '../errors.ts';
import { canonicalHost } from '../http/host.ts';

/** `http`: a request in absolute form. `connect`: bytes both ways, by HTTP. `socks5`: the same, by SOCKS. `udp`: datagrams, by SOCKS. */
export type ProxyWay = 'http' | 'connect' | 'socks5' | 'udp';

export type Destination = Readonly<{
  way: ProxyWay;
  /** Canonical, an IPv6 address in brackets: see canonicalHost(). */
  host: string;
  port: number;
  /** CONNECT for everything but requests in absolute form, and UDP for datagrams. */
  method: string;
  /** Of datagrams: each behind its length in the client's own stream, and not beside it. */
  inside?: true;
  /** Gateways that it has come through already, as they say themselves; left out where there is none. */
  hops?: readonly string[];
}>;

/** What a listener says of the proxy behind it. */
export type ProxyFacts = Readonly<{
  /** The service, by its name. */
  service: string;
  http: boolean;
  socks5: boolean;
  /**
   * How clients may send datagrams; left out where they may not. `inside`: in their own stream, and so in its TLS. `beside`: SOCKS
   * clients also past it, to a port for datagrams.
   */
  udp?: 'inside' | 'beside';
  /** Whoever shows no credential meets an ordinary web server. */
  hide: boolean;
  /** What it asks for in a 407 (RFC 9110, 11.7.1); left out, Basic. */
  challenges?: readonly ('Basic' | 'Bearer')[];
}>;

/**
 * Asked for by CONNECT, it means datagrams in the stream (docs/wire-protocol.md, Datagrams of a proxy). No resolver finds a name
 * below `invalid` (RFC 6761, 6.4), so nobody's place is taken, and a proxy that does not know it leads nowhere.
 */
export const datagramPlace = { host: 'udp.sallyport.invalid', port: 9 } as const;

/** Of datagrams, each of which has its own destination. */
export const anyDatagrams: Destination = { way: 'udp', host: '*', port: 0, method: 'UDP' };

/**
 * Reads a destination. Everything that two resolvers could read differently is refused: numbers that are no dotted decimal,
 * zones, empty labels, percent, user info, names beyond ASCII.
 * Faults: `target-malformed`.
 */
export function readDestination(way: ProxyWay, method: string, host: string, port: number): Destination | Fault {
  const canonical = canonicalHost(host);
  if (canonical === null) return fault('target-malformed', 'a destination whose host has no single reading');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return fault('target-malformed', 'a destination without a port');
  return { way, host: canonical, port, method };
}

/** The address, where the host is one; null for a name. */
export function literalOf({ host }: Destination): Ip | null {
  return parseIp(host.startsWith('[') ? host.slice(1, -1) : host);
}

/** `example.org:443`, for logs. */
export function destinationText({ host, port }: Destination): string {
  return `${host}:${port}`;
}
