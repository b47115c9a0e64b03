/** The datagrams of one flow as a stream, each behind its length. It drops and never waits: whoever sends datagrams expects no more. */

import { Duplex } from 'node:stream';
import { SallyportError } from '../../../core/errors.ts';
import { DatagramReader, datagramHeaderBytes, framedDatagram } from '../../../core/datagrams.ts';

/** Bytes of datagrams that wait, of all flows together. */
export class WaitingBytes {
  readonly max: number;
  used = 0;

  constructor(max: number) {
    this.max = max;
  }
}

export type DatagramStreamOptions = Readonly<{
  /** Sends one on, or drops it; the bytes are good until it returns. */
  send: (datagram: Uint8Array) => void;
  /** What may wait for the reader of this flow. More is dropped, the newest first. */
  waitingBytesMax: number;
  waiting: WaitingBytes;
}>;

type Done = (error?: Error | null) => void;

export class DatagramStream extends Duplex {
  readonly #options: DatagramStreamOptions;
  readonly #reader = new DatagramReader();
  #queue: Uint8Array[] = [];
  #queued = 0;
  #wanted = false;

  constructor(options: DatagramStreamOptions) {
    // One at a time in the reader's own buffer: what waits is counted here.
    super({ allowHalfOpen: true, readableHighWaterMark: 1 });
    this.#options = options;
    this.on('error', () => undefined);
  }

  /** One that came. False when it was dropped. The bytes are copied. */
  offer(datagram: Uint8Array): boolean {
    const { waiting, waitingBytesMax } = this.#options;
    const bytes = datagram.length + datagramHeaderBytes;
    const full = this.#queued + bytes > waitingBytesMax || waiting.used + bytes > waiting.max;
    const framed = this.destroyed || this.readableEnded || (full && !this.#wanted) ? null : framedDatagram(datagram);
    if (framed === null) return false;
    if (this.#wanted) {
      this.#wanted = this.push(framed);
      return true;
    }
    this.#queue.push(framed);
    this.#count(bytes);
    return true;
  }

  override _read(): void {
    this.#wanted = true;
    while (this.#wanted) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#count(-next.length);
      this.#wanted = this.push(next);
    }
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    const wrong = this.#reader.push(chunk, this.#options.send);
    done(wrong === null ? null : new SallyportError(wrong.code, wrong.why));
  }

  /** The other side has ended the flow: nothing comes any more, either. */
  override _final(done: Done): void {
    const wrong = this.#reader.end();
    this.push(null);
    done(wrong === null ? null : new SallyportError(wrong.code, wrong.why));
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#queue = [];
    this.#count(-this.#queued);
    done(error);
  }

  #count(bytes: number): void {
    this.#queued += bytes;
    this.#options.waiting.used += bytes;
  }
}
