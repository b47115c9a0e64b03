/** What an upstream must be: it opens a stream (or a whole reply) for an exchange that was admitted. */

import type { ContentRules } from '../core/egress/content.ts';
import type { ZodType } from 'zod';
import type { Ruled } from '../core/egress/policy.ts';
import type { Code, Fault } from '../core/errors.ts';
import type { Field } from '../core/http/fields.ts';
import type { ResponseHead } from '../core/http/head.ts';
import type { Reply } from '../core/http/reply.ts';
import type { Rewriter } from '../core/http/rewrite.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { Stream } from './stream.ts';
import type { Tools } from './tools.ts';

/** What `open` found: bytes to speak HTTP/1.1 (or raw) over, or an answer that is complete as it stands. */
export type Opened =
  | Readonly<{
      is: 'stream';
      stream: Stream;
      /** Whether it carried an exchange before, so that its peer may be closing it this moment. */
      reused: boolean;
      /** Whether it is one of many on a connection, so that one that takes its time holds no connection. */
      multiplexed?: true;
      /** Gives it back: kept for the next exchange if `reusable`, destroyed if not, and what became of the exchange. Call exactly once. */
      release: Release;
      /** Stands in the record of an exchange that went well. */
      note?: string;
      /** It is another proxy: asked in absolute form, with these whole lines. */
      proxyLines?: string;
      /** What may be carried both ways: somebody else's content, led through. */
      content?: ContentRules;
      /** Opens it once more, by another backend if this one failed: there as long as that may be tried. Throws as `Open` does. */
      again?: Again;
      /** A field of our own that the answer gets: which backend it was, for the visitor to come back to. */
      own?: Field;
    }>
  /** Bytes of any protocol, for a visitor who asked for a change of protocol (RFC 9110, 7.8): both are joined once that was granted. */
  | Readonly<{ is: 'raw'; stream: Stream; reused: false; release: Release; begin?: Beginning; note?: string; ending?: Ending }>
  | Readonly<{ is: 'reply'; reply: Reply; body?: AsyncIterable<Uint8Array>; length?: number }>;

/** What it wants to stand in the record once it is over; null for nothing. */
export type Ending = () => string | null;

/** Looks at a visitor's first bytes before the other side gets them. `passed`: they may go on, and nothing more is looked at. */
export type Beginning = Readonly<{ push: (bytes: Uint8Array) => 'more' | 'passed' | Fault }>;

/** `code`: null when the exchange came to its end, what went wrong when it did not; left out where nobody can say. */
export type Release = (reusable: boolean, code?: Code | null) => void;

/** @param code why it was not answered */
export type Again = (code: Code) => Promise<Opened> | Opened;

/**
 * Opens the upstream for one exchange. Throws SallyportError with a code of the `upstream-*` family.
 * With `fresh`, a connection that carried something before must not be used.
 */
export type Open = (exchange: Exchange, caller: Caller, fresh: boolean) => Promise<Opened> | Opened;

/** Who waits for the opening. `signal` is made when it is first read: touch it only where something is really dialled. */
export type Caller = Readonly<{
  signal: AbortSignal;
  /** Bytes of the visitor that are kept until it has opened: what waiting costs. */
  keptBytes?: number;
}>;

/** How a head is rewritten for the service: made once per configuration, but for `spent`. */
export type Forwarding = Readonly<{
  /** Replaces Host when set (`+rewritehost`). */
  host: string | null;
  /** Host for a visitor of HTTP/1.0 who sent none: the service's own authority, as its URL in the configuration says. */
  hostless: string;
  /** Lower-case names of fields that a guard used up. */
  spent: readonly string[];
  /** What the service is told of who asks, in whole lines; left out where it is told nothing. */
  tell?: (exchange: Exchange) => string;
  /** What `tell` said of this exchange. */
  told?: string;
  /** Whether X-Forwarded-*, Forwarded and Via are written (`+rawheaders` turns them off; a visitor's own are removed all the same). */
  forwarded: boolean;
  /** The longest body of a request; left out, what the gateway's limits say. */
  bodyBytesMax?: number;
  /** What stands behind is a gateway of this program: our cookies, fields and reserved paths are its to read and to send. */
  transparent?: true;
  /**
   * The operator's own changes of heads; left out where there are none. Whoever writes a head for the service asks `request` of
   * it first, and whoever writes the final one for the visitor `response`.
   */
  rewrite?: Rewriter;
  /** Looks at the head of each final answer before a byte of it is passed on; left out where nothing does. */
  wall?: AnswerWall;
  /** How long the service may take, where that was said for it, in milliseconds: to begin its answer, and between two pieces of it. */
  answerMs?: number;
  idleMs?: number;
}>;

/** `refused`: false where it only stands in the record. Null: it is well. */
export type AnswerWall = (head: ResponseHead) => Readonly<{ why: string; refused: boolean }> | null;

export type BuiltUpstream = Readonly<{
  open: Open;
  /** One line for status and logs: `http://127.0.0.1:3000`. */
  words: string;
  close: () => Promise<void>;
  /** Of what leads to where somebody wants: what it would decide, for `explain`. Opens nothing. */
  ruling?: (exchange: Exchange) => Promise<Ruled>;
  /** Looks whether it is there, for whom several stand; left out where nobody asks. Errors: as `open`. */
  probe?: (check: Probe) => Promise<void>;
}>;

/** `path` null: whether it answers at all; else whether it answers a GET of that path with 2xx or 3xx. */
export type Probe = Readonly<{ path: string | null; withinMs: number }>;

export interface Upstream<Options> {
  readonly name: string;
  readonly options: ZodType<Options>;
  build(options: Options, tools: Tools): BuiltUpstream;
}

export function defineUpstream<Options>(upstream: Upstream<Options>): Upstream<Options> {
  return upstream;
}
