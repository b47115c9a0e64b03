/** What wrong guesses are counted under: the network and the account seen from it, or a browser that is known. */

import type { Guess } from '../../../contracts/logins.ts';
import type { Limits } from '../../../core/limits.ts';
import { Attempts, guessRules } from '../../../core/policy/attempts.ts';

/** Who guesses: `device` null for a browser that nobody signed in with. `second`: at a second factor. */
export type Guesser = Readonly<{ name: string; network: string; device: string | null; second?: boolean }>;

export class Counts {
  readonly #byAccount: Attempts;
  readonly #byNetwork: Attempts;
  readonly #byDevice: Attempts;
  readonly #bySecond: Attempts;

  constructor(limits: Limits) {
    const { guessesPerAccountMax, guessesPerAddressMax, codeGuessesMax } = limits;
    this.#byAccount = new Attempts(guessRules(limits, guessesPerAccountMax));
    this.#byNetwork = new Attempts(guessRules(limits, guessesPerAddressMax));
    this.#byDevice = new Attempts(guessRules(limits, guessesPerAccountMax));
    this.#bySecond = new Attempts(guessRules(limits, codeGuessesMax));
  }

  /**
   * Takes a guess before it is checked, or says how many milliseconds to wait. Guesses are counted for a name that does not
   * exist as well: nothing can be told from when the wait begins. Never for the account alone: nobody can lock its owner out
   * from elsewhere, and not from the same network where the browser is known. A second factor is another matter: who guesses
   * there has the password, is no stranger, and would find six digits from a thousand networks. Its guesses have counts of
   * their own, which a right password does not forgive.
   */
  take({ name, network, device, second = false }: Guesser, now: number): Guess | number {
    const step = second ? 'second ' : '';
    const browser = device === null ? null : `${step}${device}`;
    if (browser !== null && this.#byDevice.take(browser, now) === 0) {
      return { known: true, right: () => this.#byDevice.forgive(browser, true), unmade: () => this.#byDevice.forgive(browser, false) };
    }
    const account = `${name} ${step}${network}`;
    const waitMs =
      this.#byNetwork.take(network, now) || this.#byAccount.take(account, now) || (second ? this.#bySecond.take(name, now) : 0);
    if (waitMs > 0) return waitMs;
    const settle = (all: boolean): void => {
      this.#byNetwork.forgive(network, false);
      this.#byAccount.forgive(account, all);
      if (second) this.#bySecond.forgive(name, all);
    };
    return { known: false, right: () => settle(true), unmade: () => settle(false) };
  }

  /** Lets a user try again, from each network that guessed at them. */
  unlock(name: string): void {
    for (const key of this.#byAccount.forget((each) => each.startsWith(`${name} `))) {
      this.#byNetwork.forgive(key.slice(key.lastIndexOf(' ') + 1), true);
    }
    this.#bySecond.forgive(name, true);
  }
}
