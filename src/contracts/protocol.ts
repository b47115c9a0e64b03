/** What a protocol must be: it reads an arrival and makes calls of it, one after the other. */

import type { Code } from '../core/errors.ts';
import type { Reply } from '../core/http/reply.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { GatherBody } from '../core/policy/verdict.ts';
import type { Limits } from '../core/limits.ts';
import type { Arrival, Stream } from './stream.ts';
import type { Forwarding, Opened } from './upstream.ts';

/** What an exchange came to. */
export type Tally = Readonly<{
  /** The status that the visitor got; null where the protocol has none or nothing was sent. */
  status: number | null;
  /** Bytes of content from the visitor, and to the visitor (without heads and framing). */
  bytesIn: number;
  bytesOut: number;
  /** Null when all was well to the end. */
  code: Code | null;
  why: string | null;
  /** Whether the upstream's connection ended cleanly and may carry another exchange. */
  reusable: boolean;
  /** True when nothing of the answer was seen and nothing of a body was used: it may be tried again on a fresh connection. */
  untouched: boolean;
}>;

/** One exchange, waiting for its fate. Exactly one of `refuse` and `proceed` ends it (`proceed` again after `untouched`). */
export interface Call {
  readonly exchange: Exchange;
  readonly gather: GatherBody;
  /** Aborted when the visitor goes away, so that nothing is dialled for nobody. */
  readonly signal: AbortSignal;
  refuse(answer: Reply): Promise<Tally>;
  proceed(to: Opened, forwarding: Forwarding): Promise<Tally>;
  /** Ends it now, whatever it is doing: both streams are destroyed. */
  cut(code: Code): void;
}

/** What a protocol asks of the world: handed in, so that a test decides the time. */
export type ProtocolTools = Readonly<{
  now: () => number;
  newId: () => string;
  limits: Limits;
  /** Called for what had no exchange yet: a head that could not be read. Recorded like any refusal. */
  refused: (arrival: Arrival, code: Code, why: string, status: number | null) => void;
}>;

export interface Protocol {
  readonly name: string;
  /** Calls of one stream in their order; the next is read only when the last has ended. Never throws. */
  calls(arrival: Arrival, tools: ProtocolTools): AsyncIterable<Call>;
}

/** Joins nothing, only types: a protocol's file exports one of these. */
export function defineProtocol(protocol: Protocol): Protocol {
  return protocol;
}

export type { Stream };
