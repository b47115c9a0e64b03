/** Whether the peer still lives: when it was heard, what was asked, how long the answer took. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import { readUint32, writeUint32 } from './frame.ts';

/** A round trip older than this is measured anew when somebody wants to know. */
const freshMs = 250;
/** What is heard so soon after a sleep may have waited in the machine since before it: no sign of life. */
const staleMs = 500;

export class Heartbeat {
  readonly #idleMs: number;
  readonly #answerMs: number;
  #heardAt: number;
  /** When the socket last took bytes, as far as it told: a slow line is no dead one. */
  #wroteAt: number;
  /** Numbers of the last ping and of the last pong. */
  #asked = 0;
  #answered = 0;
  #askedAt = 0;
  /** Set while the peer has to show that it is still there after a jump of the clock. */
  #doubtedAt: number | null = null;
  #roundTripMs: number | null = null;
  #measuredAt = 0;

  constructor(limits: Readonly<{ carrierIdleMs: number; carrierProbeMs: number }>, now: number) {
    this.#idleMs = limits.carrierIdleMs;
    this.#answerMs = limits.carrierProbeMs;
    this.#heardAt = now;
    this.#wroteAt = now;
  }

  /** The last measured round trip, null before the first. */
  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  /** Whether a ping is under way. */
  get asking(): boolean {
    return this.#asked !== this.#answered;
  }

  heard(now: number): void {
    this.#heardAt = now;
    if (this.#doubtedAt !== null && now - this.#doubtedAt >= staleMs) this.#doubtedAt = null;
  }

  /** Whatever was doubted of the old connection is not true of the new one. */
  resumed(now: number): void {
    this.#heardAt = now;
    this.#wroteAt = now;
    this.#askedAt = now;
    this.#doubtedAt = null;
  }

  wrote(now: number): void {
    this.#wroteAt = now;
  }

  /** The payload of a ping that is to go now, or null while one is under way. */
  ask(now: number): Uint8Array | null {
    return this.asking ? null : this.#next(now);
  }

  /** A ping whatever is under way: what was asked before a sleep may never be answered. */
  doubt(now: number): Uint8Array {
    this.#doubtedAt = now;
    return this.#next(now);
  }

  /** A ping for who tunes by the round trip, unless the last answer is fresh. */
  measure(now: number): Uint8Array | null {
    return this.#roundTripMs !== null && now - this.#measuredAt < freshMs ? null : this.ask(now);
  }

  /** Pongs come in the order of their pings. */
  answered(payload: Uint8Array, now: number): Fault | null {
    const answer = readUint32(payload, 4);
    if (readUint32(payload, 0) !== 0 || answer <= this.#answered || answer > this.#asked)
      return fault('frame-malformed', 'a pong that nobody waits for');
    this.#answered = answer;
    if (answer !== this.#asked) return null;
    this.#roundTripMs = Math.max(0, now - this.#askedAt);
    this.#measuredAt = now;
    this.#doubtedAt = null;
    return null;
  }

  /**
   * A quarter of the limit in silence asks for a sign of life, a tenth while streams wait for one. Who says nothing at all
   * for twice the time of a probe after that is gone; so is, within the limit, whoever was never asked: it counts from a
   * fifteenth before its end, which is how often we look.
   */
  look(now: number, busy: boolean): 'fine' | 'ask' | Fault {
    if (this.#doubtedAt !== null)
      return now - this.#doubtedAt < this.#answerMs ? 'fine' : fault('carrier-idle', 'no answer after the clock jumped');
    const silent = now - this.#heardAt;
    if (silent * 15 >= this.#idleMs * 14) return fault('carrier-idle', `nothing was heard for ${Math.round(silent)} ms`);
    const quietMs = this.#idleMs / (busy ? 10 : 4);
    // A ping that was under way when all fell silent is none that asks about the silence: the next one would have gone out then.
    const asked = this.#heardAt <= this.#askedAt ? this.#askedAt : this.#heardAt + quietMs;
    if (this.asking && now - Math.max(asked, this.#wroteAt) >= 2 * this.#answerMs) return fault('carrier-idle', 'nothing answers');
    // It talks, and does not listen: half of a connection is none.
    if (this.asking && now - Math.max(this.#askedAt, this.#wroteAt) >= 2 * this.#idleMs)
      return fault('carrier-idle', 'the peer does not answer');
    return silent >= quietMs || now - this.#askedAt >= this.#idleMs ? 'ask' : 'fine';
  }

  #next(now: number): Uint8Array {
    const payload = new Uint8Array(8);
    this.#asked += 1;
    writeUint32(payload, 4, this.#asked);
    this.#askedAt = now;
    return payload;
  }
}
