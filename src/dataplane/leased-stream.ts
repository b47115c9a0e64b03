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

  constructor(inner: Stream, pace: Pace) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#pace = pace;
    inner.on('data', (bytes: Uint8Array) => {
      const wait = pace.spend(bytes.length);
      if (wait === 0 && this.push(bytes)) return;
      inner.pause();
      if (wait > 0) this.#after(wait, () => void (this.push(bytes) && inner.resume()));
    });
    inner.once('end', () => this.push(null));
    inner.once('error', (error: Error) => this.destroy(error));
    inner.once('close', () => this.destroy());
    inner.pause();
    this.on('error', () => undefined);
  }

  override _read(): void {
    if (this.#timers.size === 0 || !this.#inner.isPaused()) this.#inner.resume();
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

  #after(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.destroyed) then();
    }, ms);
    this.#timers.add(timer);
  }
}
