/** What of a visitor came before it was its turn: the stream waits while something is kept. */

import type { Duplex } from 'node:stream';

export class Backlog {
  readonly #stream: Duplex;
  readonly #feed: (chunk: Uint8Array) => void;
  #rest: Uint8Array | null = null;
  #paused = false;

  /** `feed` reads a chunk on, and gives back by `keep` what it has no use for yet. */
  constructor(stream: Duplex, feed: (chunk: Uint8Array) => void) {
    this.#stream = stream;
    this.#feed = feed;
  }

  get empty(): boolean {
    return this.#rest === null;
  }

  get paused(): boolean {
    return this.#paused;
  }

  take(chunk: Uint8Array): void {
    if (this.#rest === null) this.#feed(chunk);
    else this.#rest = Buffer.concat([this.#rest, chunk]);
  }

  keep(chunk: Uint8Array, at: number): void {
    this.#rest = at === 0 ? chunk : chunk.subarray(at);
    this.#stream.pause();
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.flow();
  }

  /** Gives what was kept to whoever's turn it is now, then lets the stream flow on. */
  flow(): void {
    if (this.#paused) return;
    const rest = this.#rest;
    if (rest !== null) {
      this.#rest = null;
      this.#feed(rest);
    }
    if (this.#rest === null && !this.#paused) this.#stream.resume();
  }

  /** Nobody waits for anybody any more. What is kept stays, unless it is dropped. */
  release(): void {
    this.#paused = false;
  }

  drop(): void {
    this.#rest = null;
    this.#paused = false;
  }
}
