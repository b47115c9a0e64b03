/** One stream of a carrier as a Duplex: bounded by credit one way and by its reader the other. */

import { Duplex } from 'node:stream';
import type { Code } from '../core/errors.ts';
import { SallyportError } from '../core/errors.ts';

/** What the stream asks of its carrier. */
export interface StreamCarrier {
  /** Queues bytes; false when the stream is gone. */
  send(id: number, bytes: Uint8Array): boolean;
  /** Whether more may be queued at once, without waiting for `sent`. */
  hasRoom(id: number, count: number): boolean;
  finish(id: number): void;
  reset(id: number, code: Code): void;
  consumed(id: number, count: number): void;
}

type Done = (error?: Error | null) => void;
type Written = (error: Error | null | undefined) => void;

/**
 * One piece at most stands in the reader's own buffer; the rest waits here, packed. A buffer of many pieces would
 * cost an object for each byte of a hostile sender. Whoever reads by `data` gets every piece at once all the same.
 */
const readableBytes = 1;
/** A writer waits as soon as one read's worth does: what has credit goes past this buffer. */
const writableBytes = 16_384;
/** Small pieces that wait are packed together, so that a one-byte frame costs a byte and pins no 64 KiB chunk. */
const packedBytes = 16_384;
/** What the first of them are packed into; each next is twice as large. The end of a frame alone must not cost 16 KiB. */
const packedBytesLeast = 1_024;

export class CarrierStream extends Duplex {
  readonly id: number;
  readonly #carrier: StreamCarrier;
  #waiting: Done | null = null;
  #finishing: Done | null = null;
  /** Arrived while the reader did not read: whole pieces, and small ones packed. */
  #backlog: Uint8Array[] = [];
  #tail: Buffer | null = null;
  #tailUsed = 0;
  #tailBytes = packedBytesLeast;
  #flowing = true;
  #ended = false;
  /** Handed to the reader and not yet reported as drained. */
  #unreported = 0;
  #gone = false;

  constructor(carrier: StreamCarrier, id: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: readableBytes, writableHighWaterMark: writableBytes });
    this.#carrier = carrier;
    this.id = id;
    // Row 12 of the facts: a second EPIPE can follow a destroy. Without a listener it would end the process.
    this.on('error', ignore);
  }

  /** Bytes of the peer. The session has checked the window. */
  arrive(bytes: Uint8Array): void {
    if (this.destroyed) return;
    if (this.#flowing && this.readableLength === 0 && this.#backlog.length === 0 && this.#tailUsed === 0) this.#hand(bytes);
    else this.#keep(bytes);
  }

  /** The peer has finished. */
  arriveEnd(): void {
    this.#ended = true;
    this.#pour();
  }

  /** The peer, or the carrier's end, has cut it. */
  cut(code: Code): void {
    this.#gone = true;
    this.destroy(new SallyportError(code, 'the stream of the tunnel was cut'));
  }

  /** What was queued has gone out. */
  sent(): void {
    const done = this.#waiting;
    this.#waiting = null;
    if (done !== null) done();
    const finishing = this.#finishing;
    this.#finishing = null;
    if (finishing !== null) finishing();
  }

  /**
   * Straight into the carrier's turn as long as nothing waits: the queue of a stream costs more than a frame. Who asked to be
   * told is told before this returns, unlike elsewhere in Node: TLS above waits for its next turn by itself.
   */
  override write(chunk: string | Uint8Array, encoding?: BufferEncoding | Written, written?: Written): boolean {
    const straight = typeof chunk !== 'string' && this.#waiting === null && this.writableLength === 0 && this.writable;
    if (!straight || !this.#carrier.hasRoom(this.id, chunk.length) || !this.#carrier.send(this.id, chunk))
      return typeof encoding === 'string' ? super.write(chunk, encoding, written) : super.write(chunk, encoding ?? written);
    const told = typeof encoding === 'function' ? encoding : written;
    told?.(null);
    return true;
  }

  override _read(): void {
    this.#flowing = true;
    this.#pour();
    this.#report();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Done): void {
    const bytes = chunks.map((one) => one.chunk);
    this.#send(bytes.length === 1 && bytes[0] !== undefined ? bytes[0] : Buffer.concat(bytes), done);
  }

  override _final(done: Done): void {
    this.#carrier.finish(this.id);
    this.#finishing = done;
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.#gone) this.#carrier.reset(this.id, error instanceof SallyportError ? error.code : 'exchange-cut');
    this.#gone = true;
    this.#backlog = [];
    this.#tail = null;
    this.sent();
    done(error);
  }

  #send(bytes: Uint8Array, done: Done): void {
    const room = this.#carrier.hasRoom(this.id, bytes.length);
    if (!this.#carrier.send(this.id, bytes)) done(new SallyportError('carrier-broken', 'the stream of the tunnel has ended'));
    else if (room) done();
    else this.#waiting = done;
  }

  #hand(bytes: Uint8Array): void {
    this.#unreported += bytes.length;
    // What `push` does for a reader that flows, without its look for more: what there is was handed over already.
    if (this.readableFlowing === true && this.readableLength === 0 && this.listenerCount('data') > 0) this.emit('data', bytes);
    else this.#flowing = this.push(bytes);
    this.#report();
  }

  /** Credit goes back for what the reader took, never for what stands in its buffer. */
  #report(): void {
    const taken = this.#unreported - this.readableLength;
    if (taken <= 0) return;
    this.#unreported -= taken;
    this.#carrier.consumed(this.id, taken);
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length >= packedBytes / 2) {
      this.#sealTail();
      // A piece of a larger buffer would keep all of it: twice its window for who mixes a stalled stream with another.
      this.#backlog.push(bytes.length * 4 >= bytes.buffer.byteLength * 3 ? bytes : new Uint8Array(bytes));
      return;
    }
    if (this.#tail === null || this.#tail.length - this.#tailUsed < bytes.length) {
      this.#sealTail();
      this.#tail = Buffer.allocUnsafeSlow(Math.max(this.#tailBytes, bytes.length));
      this.#tailBytes = Math.min(this.#tailBytes * 2, packedBytes);
    }
    this.#tail.set(bytes, this.#tailUsed);
    this.#tailUsed += bytes.length;
  }

  #sealTail(): void {
    if (this.#tail !== null && this.#tailUsed > 0) {
      this.#backlog.push(this.#tail.subarray(0, this.#tailUsed));
      this.#tail = this.#tail.subarray(this.#tailUsed);
      this.#tailUsed = 0;
    }
  }

  #pour(): void {
    if (this.#flowing) this.#sealTail();
    while (this.#flowing && !this.destroyed) {
      const bytes = this.#backlog.shift();
      if (bytes === undefined) break;
      this.#hand(bytes);
    }
    if (this.#ended && this.#backlog.length === 0 && this.#tailUsed === 0 && !this.readableEnded) {
      this.#ended = false;
      this.push(null);
    }
  }
}

function ignore(): void {}
