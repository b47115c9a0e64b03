/** A stream within the bounds of its grant: it gives its room back when it closes, and keeps to the grant's rate. */

import { Duplex } from 'node:stream';
import type { Stream } from '../contracts/stream.ts';
import type { Lease, Pace } from '../contracts/tunnel.ts';

/** Opens a stream that holds this lease. Null: there is no room, here or at the gateway. */
export function leased(lease: Lease | null, open: () => Stream | null): Stream | null {
  if (lease === null) return null;
  const stream = open();
  if (stream === null) lease.leave?.();
  else if (lease.leave !== null) stream.once('close', lease.leave);
  return stream === null || lease.pace === null ? stream : new PacedStream(stream, lease.pace);
}

type Done = (error?: Error | null) => void;

/** One chunk waits at a time in each direction, so that what is slow is slow for its sender, too. */
class PacedStream extends Duplex {
  readonly #inner: Stream;
  readonly #pace: Pace;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** A chunk of the other side waits for its time. */
  #waits = false;
  #ended = false;

  constructor(inner: Stream, pace: Pace) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#pace = pace;
    inner.on('data', (bytes: Uint8Array) => this.#arrived(bytes));
    inner.once('end', () => {
      this.#ended = true;
      if (!this.#waits) this.push(null);
    });
    inner.once('error', (error: Error) => this.destroy(error));
    // After both ends it goes of itself, and what waits here is still due; before, it was cut.
    inner.once('close', () => {
      if (!this.#ended || !inner.writableFinished) this.destroy();
    });
    inner.pause();
    this.on('error', () => undefined);
  }

  override _read(): void {
    if (!this.#waits) this.#inner.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    const wait = this.#pace.spend(chunk.length);
    if (wait === 0) this.#inner.write(chunk, done);
    else this.#after(wait, () => this.#inner.write(chunk, done));
  }

  override _final(done: Done): void {
    this.#inner.end(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#inner.destroy(error ?? undefined);
    done(error);
  }

  #arrived(bytes: Uint8Array): void {
    const wait = this.#pace.spend(bytes.length);
    if (wait === 0) return this.#hand(bytes);
    this.#waits = true;
    this.#inner.pause();
    // Memory of the other side may be lent for this turn only.
    const kept = Buffer.from(bytes);
    this.#after(wait, () => {
      this.#waits = false;
      this.#hand(kept);
      if (this.#ended) this.push(null);
    });
  }

  #hand(bytes: Uint8Array): void {
    if (this.push(bytes)) this.#inner.resume();
    else this.#inner.pause();
  }

  #after(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.destroyed) then();
    }, ms);
    this.#timers.add(timer);
  }
}
