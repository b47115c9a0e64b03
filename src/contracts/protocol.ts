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
  /**
   * `done`: the visitor was answered, or is gone. `unanswered`: the upstream failed before the visitor
   * got a byte, so `refuse` must follow. `untouched`: as before, and nothing of a body was used and nothing
   * of an answer was seen, so `proceed` may follow once more on a fresh connection.
   */
  end: 'done' | 'unanswered' | 'untouched';
}>;

/** Who asked a call to proceed: told once what came of it, maybe before `proceed` has returned. */
export interface Proceeding {
  settled(tally: Tally): void;
  /** A fault of our own; nothing more will be heard of the call. */
  broke(error: unknown): void;
}

/**
 * One exchange, waiting for its fate: `refuse` decides it, and so does a `proceed` whose tally says `done`. After that
 * comes `end`. `proceed` makes no promise: it stands on the road of every exchange, where one costs a turn of the queue.
 */
export interface Call {
  readonly exchange: Exchange;
  readonly gather: GatherBody;
  /** Aborted when the visitor goes away, so that nothing is dialled for nobody. */
  readonly signal: AbortSignal;
  refuse(answer: Reply): Promise<Tally>;
  proceed(to: Opened, forwarding: Forwarding, owner: Proceeding): void;
  /** Ends what it is doing now: both streams are destroyed. */
  cut(code: Code): void;
  /** Nothing is asked of it any more, and the next may come. Call exactly once. */
  end(): void;
}

/** Something that ends at a time, unless it moves on. `at` is in milliseconds by `Deadlines.time`; Infinity for "not now". */
export interface Deadline {
  at: number;
  expire(): void;
}

/** Looks at all deadlines a few times a second: setting one is a store to a field, not a timer (RFC 9112, 9.5 wants them all). */
export interface Deadlines {
  /** The time of the last look, by a clock that never jumps: good enough to set a deadline by, and cheaper than a clock. */
  time(): number;
  add(deadline: Deadline): void;
  delete(deadline: Deadline): void;
}

/** What went through a splice. `code` is null when both directions came to their end by themselves. */
export type SpliceTally = Readonly<{ bytesAToB: number; bytesBToA: number; code: Code | null; why: string | null }>;

/**
 * Joins two streams with backpressure and half-close, and resolves (never rejects) when both are done.
 * Cut with `stream-idle` after `idleMs` without a byte either way; an error of one side destroys both.
 */
export type Splice = (a: Stream, b: Stream, options: SpliceOptions) => Promise<SpliceTally>;

/** `resets`: what broke is reset (RST) towards plain sockets, for bytes that have no end of their own inside, as TLS has. */
export type SpliceOptions = Readonly<{ idleMs: number; signal?: AbortSignal; resets?: true }>;

/** What a protocol asks of the world: handed in, so that a test decides the time. */
export type ProtocolTools = Readonly<{
  now: () => number;
  newId: () => string;
  limits: Limits;
  deadlines: Deadlines;
  /** Joins two streams for what is passed on unread: an upgraded connection, a visitor's TLS at a relay. */
  splice: Splice;
  /** The Date field of this second (RFC 9110, 6.6.1). */
  httpDate: () => string;
  /** True where what stands behind is a gateway of this program, as at a relay's edge. */
  transparent?: true | undefined;
  /** The value of Strict-Transport-Security for the answer to an exchange; null, or left out, for none. */
  strictTransport?: (exchange: Exchange) => string | null;
  /** Tells `goodbye` when the process ends: what has begun ends by itself or is cut, and a protocol that can says so. Undone by what it returns. */
  leaving?: (goodbye: () => void) => () => void;
  /** Called for what had no exchange yet: a head that could not be read. Recorded like any refusal. */
  refused: (arrival: Arrival, code: Code, why: string, status: number | null) => void;
}>;

export interface Protocol {
  readonly name: string;
  /**
   * Reads a stream and hands its calls to `take`, one after the other: the next when the last has ended. Resolves (never
   * rejects) when no more can come. `take` must not throw.
   */
  serve(arrival: Arrival, tools: ProtocolTools, take: (call: Call) => void): Promise<void>;
}

/** Joins nothing, only types: a protocol's file exports one of these. */
export function defineProtocol(protocol: Protocol): Protocol {
  return protocol;
}

export type { Stream };
