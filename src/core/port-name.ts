/** The name of a port that a relay listens on: `tcp/2222`, `udp/5353`. No name of the DNS has a slash, so nobody can ask for one by the other. */

import type { Exchange } from './policy/exchange.ts';

export type Transport = 'tcp' | 'udp';
export type RelayPort = Readonly<{ transport: Transport; port: number }>;

export function portName({ transport, port }: RelayPort): string {
  return `${transport}/${port}`;
}

/** Null for everything that is not the one spelling of a port from 1 to 65535. */
export function readPortName(text: string): RelayPort | null {
  const match = /^(tcp|udp)\/([1-9]\d{0,4})$/.exec(text);
  const port = Number(match?.[2]);
  return match === null || port > 65_535 ? null : { transport: match[1] === 'tcp' ? 'tcp' : 'udp', port };
}

/** Whether somebody came to a port of its own: there is nothing to read that says whom they want. */
export function isAtPort({ listener }: Pick<Exchange, 'listener'>): boolean {
  return listener.scheme === 'tcp' || listener.scheme === 'udp';
}

/** What a gateway is found by: the name of the hello, or of the port. */
export function askedFor(exchange: Pick<Exchange, 'listener' | 'host' | 'sni'>): string | null {
  return isAtPort(exchange) ? exchange.host : exchange.sni;
}
