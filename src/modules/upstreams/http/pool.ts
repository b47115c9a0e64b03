/** Connections to one service that ended an exchange cleanly and may carry another. */

import type { Duplex } from 'node:stream';

type Idle = Readonly<{ stream: Duplex; since: number; forget: () => void }>;

export type PoolOptions = Readonly<{ now: () => number; idleMax: number; idleMs: number }>;

/** A stack: the connection used last is the one most surely alive, and the others grow old and go. */
export class Pool {
  readonly #options: PoolOptions;
  #idle: Idle[] = [];
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#idle.length;
  }

  /** A connection that was idle for less than `idleMs`, or null. */
  take(idleMs = this.#options.idleMs): Duplex | null {
    for (;;) {
      const top = this.#idle.at(-1);
      if (top === undefined) return null;
      if (this.#options.now() - top.since > Math.min(idleMs, this.#options.idleMs)) {
        this.#trim();
        return null;
      }
      this.#idle.pop();
      top.forget();
      if (!top.stream.destroyed && top.stream.readable && top.stream.writable) return top.stream;
      top.stream.destroy();
    }
  }

  /** Keeps it, or destroys it where there are enough. */
  give(stream: Duplex): void {
    if (this.#closed || stream.destroyed || !stream.writable || !stream.readable || this.#idle.length >= this.#options.idleMax) {
      stream.destroy();
      return;
    }
    const gone = (): void => this.#drop(stream);
    stream.once('close', gone);
    this.#idle.push({ stream, since: this.#options.now(), forget: () => stream.off('close', gone) });
    this.#trim();
  }

  /** Destroys what is idle; what comes back later is not kept. */
  close(): void {
    this.#closed = true;
    const idle = this.#idle;
    this.#idle = [];
    for (const each of idle) {
      each.forget();
      each.stream.destroy();
    }
  }

  /** The oldest lie at the bottom. */
  #trim(): void {
    const oldest = this.#options.now() - this.#options.idleMs;
    while (this.#idle[0] !== undefined && this.#idle[0].since < oldest) {
      const old = this.#idle.shift();
      old?.forget();
      old?.stream.destroy();
    }
  }

  #drop(stream: Duplex): void {
    this.#idle = this.#idle.filter((each) => each.stream !== stream);
  }
}
