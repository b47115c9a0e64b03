/** Whether the peer still lives: when it was heard, what was asked, how long the answer took. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import { readUint32, writeUint32 } from './frame.ts';

export class Heartbeat {
  readonly #idleMs: number;
  #heardAt: number;
  #askedAt: number | null = null;
  #ask = 0;
  #roundTripMs: number | null = null;

  constructor(idleMs: number, now: number) {
    this.#idleMs = idleMs;
    this.#heardAt = now;
  }

  /** The last measured round trip, null before the first. */
  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  heard(now: number): void {
    this.#heardAt = now;
  }

  /** The payload of a ping that is to go now, or null while one is under way. */
  ask(now: number): Uint8Array | null {
    if (this.#askedAt !== null) return null;
    const payload = new Uint8Array(8);
    this.#ask = (this.#ask + 1) >>> 0;
    writeUint32(payload, 4, this.#ask);
    this.#askedAt = now;
    return payload;
  }

  answered(payload: Uint8Array, now: number): Fault | null {
    if (this.#askedAt === null || readUint32(payload, 0) !== 0 || readUint32(payload, 4) !== this.#ask)
      return fault('frame-malformed', 'a pong that nobody waits for');
    this.#roundTripMs = now - this.#askedAt;
    this.#askedAt = null;
    return null;
  }

  /** A busy carrier is its own sign of life: only a third of the limit in silence asks for one. */
  look(now: number): 'fine' | 'ask' | Fault {
    const silent = now - this.#heardAt;
    if (silent >= this.#idleMs) return fault('carrier-idle', `nothing was heard for ${Math.round(silent)} ms`);
    return silent * 3 >= this.#idleMs ? 'ask' : 'fine';
  }
}
