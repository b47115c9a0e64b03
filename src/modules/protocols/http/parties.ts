/** Who is told what, on the visitor's side of a connection. */

import type { Duplex } from 'node:stream';
import type { Code, Fault } from '../../../core/errors.ts';
import type { Fields } from '../../../core/http/fields.ts';
import type { VisitorLines } from '../../../core/http/forward.ts';
import type { RequestHead, ResponseHead } from '../../../core/http/head.ts';
import type { Reply } from '../../../core/http/reply.ts';

/** Who takes the body of the request that is being served. */
export interface BodyTaker {
  /** Whether the body must keep a lowest rate at this moment (slow POST). */
  readonly paced: boolean;
  span(bytes: Uint8Array): void;
  /** The body is complete. */
  whole(): void;
  /** It has no single reading, or ended too early. */
  broken(fault: Fault): void;
  /** A chunk has been read to its end: what was put together may be sent. */
  turn(): void;
}

/** What carries an exchange once its upstream is open. */
export interface Running {
  /** Ends it now: both streams are destroyed. */
  cut(code: Code, why: string): void;
  visitorGone(): void;
  visitorDrained(): void;
  /** Nothing moved for too long. */
  stalled(): void;
}

/** The visitor of one exchange, whatever was spoken: what came of them, and how they are waited for. */
export interface VisitorSide {
  /** Bytes both ways: of the connection, or of one of its streams. */
  readonly stream: Duplex;
  /** What a service is told of this visitor. */
  readonly lines: VisitorLines;
  /** Who cannot take more makes it wait. */
  readonly backlog: Readonly<{ pause(): void; resume(): void }>;
  /** Whether the whole body of the request has been read. */
  readonly bodyRead: boolean;
  readonly bodyBytes: number;
  readonly trailers: Fields;
  /** Whether the connection may serve another request after this one. */
  readonly persistent: boolean;
  /** Lets the body flow to `taker`, what was held first. */
  readBody(taker: BodyTaker): void;
  /** From now on bytes are no longer HTTP: both sides have agreed to another protocol. */
  readRaw(taker: BodyTaker): void;
  /** Something moved: the deadline starts anew. */
  touch(idleMs?: number): void;
  /** The stream asks to wait until what was written has been taken. */
  full(): void;
  /** The last is said: the rest of the request is thrown away, and what was asked on this stream has ended. */
  linger(): void;
  /** Ends it now, so that the visitor sees that it is not whole. */
  destroy(): void;
}

/** One of our own answers. `length` is that of a body that is streamed after it; `closing`: nothing more is served on this connection. */
export type OwnAnswer = Readonly<{ head: RequestHead | null; reply: Reply; closing: boolean; streamed: boolean; length?: number }>;

/** How a visitor is spoken to. */
export interface Voice {
  /** Writes the answer of a service to this request. */
  answerTo(head: RequestHead): Answering;
  /** Writes one of our own. Returns the bytes of content. */
  reply(answer: OwnAnswer): number;
  /** A streamed body is complete. */
  replied(): void;
  /** 100 Continue. */
  goOn(): void;
}

/** Writes a service's answer in the framing that this visitor understands. What was put together goes out by `flush`. */
export interface Answering {
  /** Whether the body has been read to its end. */
  readonly done: boolean;
  /** Bytes of content so far. */
  readonly bytes: number;
  /** Whether the end of the service's stream is the end of the body. */
  readonly endsWithStream: boolean;
  interim(head: ResponseHead): void;
  /** From now on both sides speak another protocol. */
  switched(head: ResponseHead): void;
  /** The final head. Returns whether the visitor's connection ends with this answer. */
  begin(head: ResponseHead, close: boolean): boolean;
  /** Reads on in the body. The index after the last byte consumed. */
  push(chunk: Uint8Array, at: number): number | Fault;
  /** Bytes that are no longer HTTP. */
  raw(chunk: Uint8Array, at: number): number;
  end(): void;
  /** False when the visitor's stream asks to wait for its drain. */
  flush(): boolean;
}

/** One request, who asked, and how they are spoken to. */
export type Conversing = Readonly<{ head: RequestHead; visitor: VisitorSide; voice: Voice }>;
