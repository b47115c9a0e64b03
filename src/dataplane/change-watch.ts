/** Sees that this machine slept, or that its addresses are others than before: what stood may be dead, what failed may go. */

import { networkInterfaces } from 'node:os';
import { ClockWatch, clocks } from './clock-watch.ts';
import type { Clocks } from './clock-watch.ts';

export type ChangeWatchOptions = Readonly<{
  changed: (what: 'slept' | 'addresses') => void;
  everyMs?: number;
  clocks?: Clocks;
  interfaces?: typeof networkInterfaces;
}>;

/** Asking the system for its addresses costs a tenth of a millisecond. */
const usualMs = 2_000;

export class ChangeWatch {
  readonly #options: ChangeWatchOptions;
  readonly #clock: ClockWatch;
  readonly #timer: NodeJS.Timeout;
  #addresses: string;

  constructor(options: ChangeWatchOptions) {
    const everyMs = options.everyMs ?? usualMs;
    this.#options = options;
    this.#clock = new ClockWatch(options.clocks ?? clocks, everyMs);
    this.#addresses = this.#look();
    this.#timer = setInterval(() => this.look(), everyMs);
    this.#timer.unref();
  }

  look(): void {
    const addresses = this.#look();
    const moved = addresses !== this.#addresses;
    this.#addresses = addresses;
    if (this.#clock.jumped()) this.#options.changed('slept');
    else if (moved) this.#options.changed('addresses');
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Those that lead anywhere: not this machine, and not what every interface makes up for its own link. */
  #look(): string {
    const all = Object.values((this.#options.interfaces ?? networkInterfaces)()).flatMap((list) => list ?? []);
    const outward = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
    return outward
      .map(({ address }) => address)
      .toSorted()
      .join(' ');
  }
}
