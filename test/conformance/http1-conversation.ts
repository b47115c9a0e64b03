/** Reads a connection of requests as the gateway does, head and body in turn, from pieces of any size. */

import { BodyReader } from '../../src/core/http/body-reader.ts';
import type { Fault } from '../../src/core/errors.ts';
import type { RequestHead } from '../../src/core/http/head.ts';
import { RequestReader } from '../../src/core/http/request-reader.ts';
import { defaults, type Limits } from '../../src/core/limits.ts';

export type ReadRequest = Readonly<{ head: RequestHead; body: string; bodyBytes: number; trailers: readonly string[] }>;

export type Reading = Readonly<{
  requests: readonly ReadRequest[];
  /** `clean` between messages, `last` after one that ends the connection (close, upgrade), else why not. */
  end: 'clean' | 'last' | 'incomplete' | 'refused';
  fault: Fault | null;
  /** The head whose body never came to its end. */
  unfinished: ReadRequest | null;
}>;

/** The runtime's native decoder, as the data plane hands in. */
export function nativeLatin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
}

type Options = Readonly<{ forwardProxy?: boolean; limits?: Limits }>;

export function readRequests(pieces: readonly Uint8Array[], options: Options = {}): Reading {
  const limits = options.limits ?? defaults;
  const reader = new RequestReader({ limits, latin1: nativeLatin1, forwardProxy: options.forwardProxy ?? false });
  const requests: ReadRequest[] = [];
  let open: { head: RequestHead; reader: BodyReader; body: string } | null = null;
  let last = false;
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length && !last) {
      if (open === null) {
        const step = reader.push(piece, at);
        if (step.is === 'refused') return { requests, end: 'refused', fault: step.fault, unfinished: null };
        if (step.is === 'more') break;
        at = step.next;
        open = { head: step.head, reader: new BodyReader(step.head.framing, limits, nativeLatin1), body: '' };
      }
      const current = open;
      const next = current.reader.push(piece, at, (start, end) => (current.body += nativeLatin1(piece, start, end)));
      if (typeof next !== 'number') return { requests, end: 'refused', fault: next, unfinished: finished(current) };
      at = next;
      if (!current.reader.done) break;
      requests.push(finished(current));
      last = !current.head.persistent || current.head.upgrade !== null || current.head.method === 'CONNECT';
      open = null;
    }
  }
  const fault = open === null ? reader.end() : open.reader.end();
  if (last) return { requests, end: 'last', fault: null, unfinished: null };
  return { requests, end: fault === null ? 'clean' : 'incomplete', fault, unfinished: open === null ? null : finished(open) };
}

function finished({ head, reader, body }: { head: RequestHead; reader: BodyReader; body: string }): ReadRequest {
  return { head, body, bodyBytes: reader.bytes, trailers: reader.trailers.flatMap(({ name, value }) => [name, value]) };
}

/** The bytes whole, cut in two at every place, and one by one. */
export function* everySplit(bytes: Uint8Array): Generator<readonly Uint8Array[]> {
  yield [bytes];
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}
