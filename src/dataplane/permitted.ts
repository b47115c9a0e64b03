/** Holds an upstream's stream to the permit of its exchange: counts, lets wait, and ends what may not go on. */

import { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import type { Deadline, Deadlines } from '../contracts/protocol.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Opened } from '../contracts/upstream.ts';
import { fault, type Fault } from '../core/errors.ts';
import type { Permit, Waiter } from '../core/policy/permit.ts';

/** @param end is told why it may not go on, once */
export function permitted(found: Opened, permit: Permit, deadlines: Deadlines, end: (why: Fault) => void): Opened {
  if (!permit.metered || found.is === 'reply') return found;
  const stream = new PermittedStream(found.stream, permit, deadlines, end);
  // What was listened to here is nobody else's afterwards.
  return { ...found, stream, release: (_reusable, code) => found.release(false, code) };
}

type Done = (error?: Error | null) => void;

/**
 * One piece waits at a time in each direction, so that what is slow is slow for its sender, too. There is no timer: who waits
 * is told by the permit, and both bounds of time are one deadline.
 */
class PermittedStream extends Duplex implements Deadline {
  at = Infinity;
  readonly #inner: Stream;
  readonly #permit: Permit;
  readonly #deadlines: Deadlines;
  readonly #end: (why: Fault) => void;
  readonly #lastsUntil: number;
  readonly #reading: Waiter = { resume: () => this.#readOn() };
  readonly #writing: Waiter = { resume: () => this.#writeOn() };
  /** Nothing is read now. */
  #held = false;
  #ended = false;
  #pending: Readonly<{ chunk: Uint8Array; done: Done }> | null = null;

  constructor(inner: Stream, permit: Permit, deadlines: Deadlines, end: (why: Fault) => void) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#permit = permit;
    this.#deadlines = deadlines;
    this.#end = end;
    this.#lastsUntil = permit.lifeMs === null ? Infinity : deadlines.time() + permit.lifeMs;
    inner.pause();
    inner.on('data', (bytes: Uint8Array) => this.#arrived(bytes));
    inner.once('end', () => {
      this.#ended = true;
      this.push(null);
    });
    inner.once('error', (error: Error) => this.destroy(error));
    // After both ends it goes of itself, and what waits here is still due; before, it was cut.
    inner.once('close', () => {
      if (!this.#ended || !inner.writableFinished) this.destroy();
    });
    this.on('error', () => undefined);
    this.#moved();
    deadlines.add(this);
    // Who has nothing left does not get a first piece by coming anew.
    this.#held = this.#asked(0, this.#reading) === 'wait';
  }

  expire(): void {
    const lasted = this.#deadlines.time() >= this.#lastsUntil;
    const why = lasted
      ? fault('tunnel-expired', 'it has lasted as long as this client may')
      : fault('stream-idle', 'nothing moved for as long as this client may wait');
    this.#over(why);
  }

  override _read(): void {
    if (!this.#held) this.#inner.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#moved();
    const found = this.#asked(chunk.length, this.#writing);
    if (found === 'on') this.#pass(chunk, done);
    else if (found === 'wait') this.#pending = { chunk, done };
    else done();
  }

  override _final(done: Done): void {
    this.#inner.end(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#deadlines.delete(this);
    // What broke is told to a plain socket as a break; behind our own end Node would keep the handle.
    if (this.#inner instanceof Socket && !this.#inner.writableEnded && !this.#inner.destroyed) this.#inner.resetAndDestroy();
    else this.#inner.destroy();
    done(error);
  }

  #arrived(bytes: Uint8Array): void {
    this.#moved();
    const found = this.#asked(bytes.length, this.#reading);
    if (found === 'over') return;
    this.#held = found === 'wait';
    if (!this.push(bytes) || this.#held) this.#inner.pause();
  }

  #asked(bytes: number, waiter: Waiter): 'on' | 'wait' | 'over' {
    const found = this.#permit.moved(bytes, waiter);
    if (typeof found === 'string') return found;
    this.#over(found);
    return 'over';
  }

  #pass(chunk: Uint8Array, done: Done): void {
    if (this.#inner.destroyed || this.#inner.write(chunk)) done();
    else this.#inner.once('drain', done);
  }

  #readOn(): void {
    this.#held = false;
    if (!this.destroyed) this.#inner.resume();
  }

  #writeOn(): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null && !this.destroyed) this.#pass(pending.chunk, pending.done);
  }

  #moved(): void {
    this.at = Math.min(this.#lastsUntil, this.#permit.idleMs === null ? Infinity : this.#deadlines.time() + this.#permit.idleMs);
  }

  /** Not from within a call of whoever reads or writes here. */
  #over(why: Fault): void {
    this.at = Infinity;
    setImmediate(() => this.#end(why));
  }
}
