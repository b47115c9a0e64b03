/** A count per second: what a peer may do without having earned it. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';

/** Fixed windows of one second of handed-in time: at most twice the limit in any second. */
export class Budget {
  readonly #perSecondMax: number;
  #since = 0;
  #used = 0;

  constructor(perSecondMax: number) {
    this.#perSecondMax = perSecondMax;
  }

  /** Counts one; false when this second has seen enough. */
  take(now: number): boolean {
    if (now - this.#since >= 1_000 || now < this.#since) {
      this.#since = now;
      this.#used = 0;
    }
    this.#used += 1;
    return this.#used <= this.#perSecondMax;
  }

  /** The same, as a fault that ends a carrier. */
  charge(now: number, what: string): Fault | null {
    return this.take(now) ? null : fault('frames-exceeded', `too many frames a second: ${what}`);
  }
}
