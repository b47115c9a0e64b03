/** Counts wrong guesses and says how long to wait: for each person from each network, and for each network. */

import type { Limits } from '../limits.ts';

export type AttemptRules = Readonly<{
  /** Guesses within the window until the wait begins. */
  guessesMax: number;
  windowMs: number;
  /** The first wait; it doubles each time, up to `waitMsMax`. */
  waitMs: number;
  waitMsMax: number;
  /** Keys that are remembered; the one that was quiet longest is forgotten first. */
  keysMax: number;
}>;

/** For guesses at credentials, as an operator may have them; `guessesMax` of these from one place or at one account. */
export function guessRules(limits: Limits, guessesMax: number): AttemptRules {
  const { guessWindowMs: windowMs, guessWaitMs: waitMs, guessWaitMsMax: waitMsMax, guessKeysMax: keysMax } = limits;
  return { guessesMax, windowMs, waitMs, waitMsMax, keysMax };
}

type Tally = { guesses: number; since: number; until: number; waits: number };

/** Pure but for its own memory: time is handed in. */
export class Attempts {
  readonly #rules: AttemptRules;
  /** In the order of their last guess. */
  readonly #records = new Map<string, Tally>();

  constructor(rules: AttemptRules) {
    this.#rules = rules;
  }

  /**
   * Takes one guess for a key before it is checked, so that a hundred guesses at once count as a hundred.
   * @returns milliseconds to wait, or 0 when the guess may be made
   */
  take(key: string, now: number): number {
    const { guessesMax, windowMs, waitMs, waitMsMax } = this.#rules;
    const record = this.#touch(key, now);
    if (record.until > now) return record.until - now;
    if (now - Math.max(record.since, record.until) >= waitMsMax) record.waits = 0;
    if (record.until !== 0 || now - record.since >= windowMs) this.#begin(record, now);
    if (record.guesses >= guessesMax) {
      const wait = Math.min(waitMs * 2 ** Math.min(record.waits, 30), waitMsMax);
      record.until = now + wait;
      record.waits += 1;
      return wait;
    }
    record.guesses += 1;
    return 0;
  }

  /** The guess was right: it is not counted, and with `all` neither are those before it. */
  forgive(key: string, all: boolean): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    if (all) this.#records.delete(key);
    else record.guesses = Math.max(0, record.guesses - 1);
  }

  /** Forgets all that was counted under the keys that `of` names; returns them. */
  forget(of: (key: string) => boolean): readonly string[] {
    const keys = [...this.#records.keys()].filter(of);
    for (const key of keys) this.#records.delete(key);
    return keys;
  }

  get size(): number {
    return this.#records.size;
  }

  #begin(record: Tally, now: number): void {
    record.guesses = 0;
    record.since = now;
    record.until = 0;
  }

  #touch(key: string, now: number): Tally {
    const known = this.#records.get(key);
    if (known !== undefined) this.#records.delete(key);
    const record = known ?? { guesses: 0, since: now, until: 0, waits: 0 };
    this.#records.set(key, record);
    if (this.#records.size > this.#rules.keysMax) {
      const [oldest] = this.#records.keys();
      if (oldest !== undefined) this.#records.delete(oldest);
    }
    return record;
  }
}
