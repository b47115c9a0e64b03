/** What a stream of HTTP/2 is told by its connection, and tells it. */

import type { ServerHttp2Stream } from 'node:http2';
import type { Call, ProtocolTools } from '../../../contracts/protocol.ts';
import type { Address } from '../../../core/address.ts';
import type { Fault } from '../../../core/errors.ts';
import type { VisitorLines } from '../../../core/http/forward.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';

/** A request, and who asks. `ended`: nothing of it is to come. */
export type Asked = Readonly<{ head: RequestHead; from: Address; ended: boolean }>;

/** The connection of a stream: makes its exchange, and counts what it brings. */
export interface StreamOwner {
  readonly tools: ProtocolTools;
  readonly lines: VisitorLines;
  readonly via: 'direct' | 'relay';
  /** So many bytes of content came, in one frame. */
  brought(bytes: number): void;
  /** A body begins: it may wait unread. */
  bodied(stream: ServerHttp2Stream): void;
  /** A body is read no further, wherever it has got to. */
  left(): void;
  /** Fault: a destination of a proxy that has no single reading. */
  exchangeOf(head: RequestHead, from: Address): Exchange | Fault;
  take(call: Call): void;
  /** What was taken has ended. */
  ended(): void;
  refused(stream: ServerHttp2Stream, fault: Fault): void;
}
