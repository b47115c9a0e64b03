/** Connections to one service that ended an exchange cleanly and may carry another. */

import type { Duplex } from 'node:stream';

export type PoolOptions = Readonly<{ now: () => number; idleMax: number; idleMs: number }>;

/** A connection as the pool knows it: one record for its whole life, so that an exchange makes none. */
export class Kept {
  readonly stream: Duplex;
  /** Since when it has been idle, milliseconds since 1970; null while it carries an exchange. */
  since: number | null = null;

  constructor(stream: Duplex, pool: Pool) {
    this.stream = stream;
    stream.once('close', () => pool.drop(this));
  }

  get alive(): boolean {
    return !this.stream.destroyed && this.stream.readable && this.stream.writable;
  }
}

/** A stack: the connection used last is the one most surely alive, and the others grow old and go. */
export class Pool {
  readonly #options: PoolOptions;
  #idle: Kept[] = [];
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#idle.length;
  }

  /** A connection that was idle for less than `idleMs`, or null. */
  take(idleMs = this.#options.idleMs): Kept | null {
    for (;;) {
      const top = this.#idle.at(-1);
      if (top === undefined) return null;
      const now = this.#options.now();
      if (now - (top.since ?? 0) > Math.min(idleMs, this.#options.idleMs)) {
        this.#trim(now);
        return null;
      }
      this.#idle.pop();
      top.since = null;
      if (top.alive) return top;
      top.stream.destroy();
    }
  }

  /** Keeps it, or destroys it where there are enough. */
  give(kept: Kept): void {
    if (this.#closed || !kept.alive || this.#idle.length >= this.#options.idleMax) {
      kept.stream.destroy();
      return;
    }
    const now = this.#options.now();
    kept.since = now;
    this.#idle.push(kept);
    this.#trim(now);
  }

  /** Destroys what is idle; what comes back later is not kept. */
  close(): void {
    this.#closed = true;
    const idle = this.#idle;
    this.#idle = [];
    for (const each of idle) each.stream.destroy();
  }

  /** Its service closed it. */
  drop(kept: Kept): void {
    if (kept.since !== null) this.#idle = this.#idle.filter((each) => each !== kept);
  }

  /** The oldest lie at the bottom. */
  #trim(now: number): void {
    const oldest = now - this.#options.idleMs;
    while (this.#idle[0] !== undefined && (this.#idle[0].since ?? 0) < oldest) this.#idle.shift()?.stream.destroy();
  }
}
