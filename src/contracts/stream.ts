/** A stream of bytes with two ends, and how one arrives. */

import type { Duplex } from 'node:stream';
import type { Address } from '../core/address.ts';
import type { ListenerFacts } from '../core/policy/exchange.ts';

/** Bytes both ways, with backpressure and half-close. A socket, a TLS socket, a stream of a tunnel. */
export type Stream = Duplex;

/** A stream that somebody opened to us. */
export type Arrival = Readonly<{
  stream: Stream;
  listener: ListenerFacts;
  /** The peer of the socket, or what the relay says of the visitor. */
  from: Address;
  /** The name asked for in the TLS handshake, canonical; null without TLS or without a name. */
  sni: string | null;
}>;

/** Something that listens, until it is closed. */
export interface Closable {
  /** Stops accepting at once; resolves when nothing is left of it. Safe to call twice. */
  close(): Promise<void>;
}
