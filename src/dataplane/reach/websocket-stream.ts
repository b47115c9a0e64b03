/** A WebSocket as a stream of bytes: binary messages whose borders mean nothing, with backpressure both ways. */

import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Where a relay takes carriers in WebSockets, on its own name. */
export const carrierPath = '/.sallyport/carrier';

/** What of our answers to pings may wait before a peer that asks and never reads is cut. */
const pongWaitingBytesMax = 65_536;

/**
 * Takes an open WebSocket over. A text message, an empty one, or one above the socket's `maxPayload` ends it: nobody who
 * carries a carrier sends such. The end of either direction is the end of both.
 */
export class WebSocketStream extends Duplex {
  readonly #ws: WebSocket;
  readonly #messageBytesMax: number;

  /** @param messageBytesMax what is sent in one message; the peer takes as much, and no more */
  constructor(ws: WebSocket, messageBytesMax: number) {
    super({ allowHalfOpen: false });
    this.#ws = ws;
    this.#messageBytesMax = messageBytesMax;
    ws.on('message', (data, isBinary) => {
      if (this.destroyed) return;
      const bytes = Buffer.isBuffer(data) ? data : null;
      if (!isBinary || bytes === null || bytes.length === 0) this.destroy(new Error('a message that is no binary one'));
      else if (!this.push(bytes)) ws.pause();
    });
    ws.on('ping', (data) => {
      if (ws.bufferedAmount > pongWaitingBytesMax) this.destroy(new Error('pings whose answers are not read'));
      else ws.pong(data);
    });
    ws.on('error', (error) => this.destroy(error));
    ws.on('close', () => {
      if (!this.readableEnded) this.push(null);
      // Nobody may read any more: then the end above is never seen.
      if (this.writableEnded || this.isPaused()) this.destroy();
    });
  }

  override _read(): void {
    if (this.#ws.isPaused) this.#ws.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { length } = chunk;
    for (let at = 0; ; at += this.#messageBytesMax) {
      const end = at + this.#messageBytesMax;
      // Messages go out in order: when the last is with the system, so are the others.
      if (end >= length) return this.#ws.send(at === 0 ? chunk : chunk.subarray(at), { binary: true }, done);
      this.#ws.send(chunk.subarray(at, end), { binary: true });
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ws.close(1000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#ws.terminate();
    done(error);
  }
}
