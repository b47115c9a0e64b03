/** How a relay goes: it takes nobody any more, tells its gateways, and lets what runs end. */

import type { Visitors } from './visitors.ts';

export type LeavingOptions = Readonly<{
  visitors: Visitors;
  /** No more connections are taken. */
  stop: () => void;
  /** Every gateway is told, those that came since the last time too. Nothing is opened on their carriers from then on. */
  tell: () => void;
  /** How long who is connected may take to say a name. */
  helloMs: number;
}>;

/** How often gateways are told that had just been coming while the others were told, and the end is looked at. */
const lookMs = 100;

export class Leaving {
  readonly #options: LeavingOptions;
  #until = Number.POSITIVE_INFINITY;
  #going: Promise<number> | null = null;

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  leave(ms: number): Promise<number> {
    this.#until = Math.min(this.#until, performance.now() + ms);
    return (this.#going ??= this.#go());
  }

  async #go(): Promise<number> {
    const { visitors, stop, tell, helloMs } = this.#options;
    stop();
    // Who was taken is served: a stream cannot be opened any more once the gateways have been told.
    await visitors.allHeard(Math.min(helloMs, this.#until - performance.now()));
    tell();
    while (visitors.size > 0 && performance.now() < this.#until) {
      await visitors.allGone(Math.min(lookMs, this.#until - performance.now()));
      tell();
    }
    return visitors.size;
  }
}
