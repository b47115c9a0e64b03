/** How many codes are sent: to one address from everywhere, and in all. What one network asks for is counted with its guesses. */

import type { Tools } from '../../../contracts/tools.ts';
import { Attempts, type AttemptRules } from '../../../core/policy/attempts.ts';
import type { Limits } from '../../../core/limits.ts';

export class Sendings {
  readonly #byAddress: Attempts;
  readonly #all: Attempts;

  constructor(limits: Limits) {
    const { mailWindowMs, guessKeysMax } = limits;
    const rules: Omit<AttemptRules, 'guessesMax'> = {
      windowMs: mailWindowMs,
      waitMs: mailWindowMs / 4,
      waitMsMax: mailWindowMs,
      keysMax: guessKeysMax,
    };
    this.#byAddress = new Attempts({ ...rules, guessesMax: limits.mailsPerAddressMax });
    const minute = { windowMs: 60_000, waitMs: 10_000, waitMsMax: 60_000, keysMax: 1 };
    this.#all = new Attempts({ ...minute, guessesMax: limits.mailsPerMinuteMax });
  }

  /**
   * Counts one before it is sent, for addresses that get none as well; returns how many milliseconds to wait, or 0.
   * A browser in which that address came in before has its own count alone: nobody fills up another's letter box, and
   * nobody keeps its owner out by trying.
   */
  take(address: string, isKnown: boolean, now: number): number {
    if (isKnown) return 0;
    return this.#byAddress.take(address, now) || this.#all.take('', now);
  }
}

const memories = new WeakMap<Tools['users'], Sendings>();

/** One for all services and configurations of a gateway: neither a second service nor a reload gives more mails. */
export function sendingsOf({ users, limits }: Tools): Sendings {
  const before = memories.get(users);
  if (before !== undefined) return before;
  const sendings = new Sendings(limits);
  memories.set(users, sendings);
  return sendings;
}
