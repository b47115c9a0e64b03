/** What waits to go out: control frames first and always, data in turns, one stream as good as another. */

import type { Frame, FrameType } from './frame.ts';
import { writeUint32 } from './frame.ts';

/** One stream's bytes that wait for credit or for their turn. */
export class SendQueue {
  readonly stream: number;
  credit: number;
  /** What is next, and what follows it. Mostly one thing waits, and a list that is filled and emptied each time is made anew each time. */
  #next: Uint8Array | null = null;
  #rest: Uint8Array[] = [];
  #bytes = 0;
  /** Set when nothing more follows; the fin goes out behind the last byte. */
  ending = false;
  /** Whether it stands in the ring. */
  waiting = false;

  constructor(stream: number, credit: number) {
    this.stream = stream;
    this.credit = credit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that wait and that credit is there for. */
  get ready(): number {
    return Math.min(this.#bytes, this.credit);
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#next === null) this.#next = bytes;
    else this.#rest.push(bytes);
    this.#bytes += bytes.length;
  }

  /** The next payload of at most `bytesMax`, from one chunk, paid with credit. Null when there is none. */
  shift(bytesMax: number): Uint8Array | null {
    const chunk = this.#next;
    const length = chunk === null ? 0 : Math.min(chunk.length, this.credit, bytesMax);
    if (chunk === null || length === 0) return null;
    this.credit -= length;
    this.#bytes -= length;
    if (length === chunk.length) {
      this.#next = this.#rest.length === 0 ? null : (this.#rest.shift() ?? null);
      return chunk;
    }
    this.#next = chunk.subarray(length);
    return chunk.subarray(0, length);
  }

  clear(): number {
    const dropped = this.#bytes;
    this.#next = null;
    this.#rest = [];
    this.#bytes = 0;
    return dropped;
  }
}

/** A turn's worth of frames, and the streams of which nothing waits any more. */
export type Turn = Readonly<{ frames: readonly Frame[]; emptied: readonly number[] }>;

/** With several streams ready each gives one TLS record's worth a round: small answers pass bulk. */
const sharedPayloadBytes = 16_384;

export class Outbox {
  readonly #frameBytesMax: number;
  #control: Frame[] = [];
  /** Window frames that have not gone yet: further credit of the stream is added to them. */
  readonly #windows = new Map<number, number>();
  #ring: SendQueue[] = [];
  #dataBytes = 0;
  #readyBytes = 0;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  get controlFrames(): number {
    return this.#control.length + this.#windows.size;
  }

  /** Bytes of data that wait, of all streams. */
  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** Of these the ones that may go: what waits for credit holds up its own stream only. */
  get readyBytes(): number {
    return this.#readyBytes;
  }

  /** Whether a stream has something that may go. */
  get hasData(): boolean {
    return this.#ring.length > 0;
  }

  control(type: FrameType, stream: number, payload: Uint8Array | null): void {
    this.#control.push({ type, stream, payload });
  }

  window(stream: number, credit: number): void {
    this.#windows.set(stream, (this.#windows.get(stream) ?? 0) + credit);
  }

  data(queue: SendQueue, bytes: Uint8Array): void {
    this.#readyBytes -= queue.ready;
    queue.push(bytes);
    this.#readyBytes += queue.ready;
    this.#dataBytes += bytes.length;
    this.ready(queue);
  }

  /** The peer takes so much more of a stream. */
  credit(queue: SendQueue, more: number): void {
    this.#readyBytes -= queue.ready;
    queue.credit += more;
    this.#readyBytes += queue.ready;
    this.ready(queue);
  }

  /** Puts a stream into the ring if it has something that may go. */
  ready(queue: SendQueue): void {
    if (queue.waiting || !((queue.bytes > 0 && queue.credit > 0) || (queue.bytes === 0 && queue.ending))) return;
    queue.waiting = true;
    this.#ring.push(queue);
  }

  /** Forgets a stream: what it still had to say is dropped. */
  drop(queue: SendQueue): void {
    this.#readyBytes -= queue.ready;
    this.#dataBytes -= queue.clear();
    queue.ending = false;
    this.#windows.delete(queue.stream);
    if (queue.waiting) this.#ring = this.#ring.filter((other) => other !== queue);
    queue.waiting = false;
  }

  /** All control frames, and then data until `dataBytesMax` is reached. */
  take(dataBytesMax: number): Turn {
    const frames = this.#control;
    this.#control = [];
    if (this.#windows.size > 0) {
      for (const [stream, credit] of this.#windows) frames.push({ type: 'window', stream, payload: uint32(credit) });
      this.#windows.clear();
    }
    const emptied: number[] = [];
    let left = dataBytesMax;
    while (left > 0 && this.#ring.length > 0) left = this.#round(frames, emptied, left);
    return { frames, emptied };
  }

  #round(frames: Frame[], emptied: number[], left: number): number {
    const ring = this.#ring;
    const share = ring.length === 1 ? this.#frameBytesMax : Math.min(this.#frameBytesMax, sharedPayloadBytes);
    const again: SendQueue[] = [];
    let at = 0;
    for (; at < ring.length && left > 0; at++) {
      const queue = ring[at];
      if (queue === undefined) break;
      const payload = queue.shift(share);
      if (payload !== null) {
        frames.push({ type: 'data', stream: queue.stream, payload });
        this.#dataBytes -= payload.length;
        this.#readyBytes -= payload.length;
        left -= payload.length;
      }
      this.#settle(queue, frames, emptied, again);
    }
    this.#ring = at < ring.length ? ring.slice(at).concat(again) : again;
    return left;
  }

  #settle(queue: SendQueue, frames: Frame[], emptied: number[], again: SendQueue[]): void {
    if (queue.bytes === 0) {
      if (queue.ending) frames.push({ type: 'fin', stream: queue.stream, payload: null });
      queue.ending = false;
      queue.waiting = false;
      emptied.push(queue.stream);
    } else if (queue.credit > 0) {
      again.push(queue);
    } else {
      queue.waiting = false;
    }
  }
}

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}
