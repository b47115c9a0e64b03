/** What wrong guesses are counted under: the network and the account seen from it, or a browser that is known. */

import type { Limits } from '../../../core/limits.ts';
import { Attempts, type AttemptRules } from '../../../core/policy/attempts.ts';

/** Who guesses: `device` null for a browser that nobody signed in with. */
export type Guesser = Readonly<{ name: string; network: string; device: string | null }>;

/** One guess that was taken, until it is known how it went. */
export type Guess = Readonly<{
  /** Whether it is that of a browser that is known. */
  known: boolean;
  /** It was right: what was counted before it is forgotten as well, but for the network's. */
  right: () => void;
  /** It was not looked at. */
  unmade: () => void;
}>;

export class Counts {
  readonly #byAccount: Attempts;
  readonly #byNetwork: Attempts;
  readonly #byDevice: Attempts;

  constructor(limits: Limits) {
    const rules: Omit<AttemptRules, 'guessesMax'> = {
      windowMs: limits.guessWindowMs,
      waitMs: limits.guessWaitMs,
      waitMsMax: limits.guessWaitMsMax,
      keysMax: limits.guessKeysMax,
    };
    this.#byAccount = new Attempts({ ...rules, guessesMax: limits.guessesPerAccountMax });
    this.#byNetwork = new Attempts({ ...rules, guessesMax: limits.guessesPerAddressMax });
    this.#byDevice = new Attempts({ ...rules, guessesMax: limits.guessesPerAccountMax });
  }

  /**
   * Takes a guess before it is checked, or says how many milliseconds to wait. Guesses are counted for a name that does not
   * exist as well: nothing can be told from when the wait begins. Never for the account alone: nobody can lock its owner out
   * from elsewhere, and not from the same network where the browser is known.
   */
  take({ name, network, device }: Guesser, now: number): Guess | number {
    if (device !== null && this.#byDevice.take(device, now) === 0) {
      return { known: true, right: () => this.#byDevice.forgive(device, true), unmade: () => this.#byDevice.forgive(device, false) };
    }
    const account = `${name} ${network}`;
    const waitMs = this.#byNetwork.take(network, now) || this.#byAccount.take(account, now);
    if (waitMs > 0) return waitMs;
    const settle = (all: boolean): void => {
      this.#byNetwork.forgive(network, false);
      this.#byAccount.forgive(account, all);
    };
    return { known: false, right: () => settle(true), unmade: () => settle(false) };
  }

  /** Lets a user try again, from each network that guessed at them. */
  unlock(name: string): void {
    for (const key of this.#byAccount.forget((each) => each.startsWith(`${name} `))) {
      this.#byNetwork.forgive(key.slice(name.length + 1), true);
    }
  }
}
