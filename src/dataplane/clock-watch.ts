/** Sees by its clocks that the machine slept, or that the process stood still: what a timer alone cannot tell. */

/** The steady clock in milliseconds, and the wall clock: of a sleep some systems' steady clocks know nothing. */
export type Clocks = Readonly<{ steady: () => number; wall: () => number }>;

export const clocks: Clocks = { steady: () => performance.now(), wall: () => Date.now() };

/** So much more than a timer's period is no late timer. A shorter pause breaks no connection. */
const jumpMs = 5_000;

/** Look at each tick of a timer. A wall clock that was set looks like a sleep: whoever asks then asks once too often. */
export class ClockWatch {
  readonly #clocks: Clocks;
  readonly #periodMs: number;
  #steady: number;
  #wall: number;

  constructor(at: Clocks, periodMs: number) {
    this.#clocks = at;
    this.#periodMs = periodMs;
    this.#steady = at.steady();
    this.#wall = at.wall();
  }

  /** Whether either clock moved much more than the period since the last look, the wall clock backwards too. */
  jumped(): boolean {
    const steady = this.#clocks.steady();
    const wall = this.#clocks.wall();
    const most = this.#periodMs + jumpMs;
    const jumped = steady - this.#steady > most || Math.abs(wall - this.#wall) > most;
    this.#steady = steady;
    this.#wall = wall;
    return jumped;
  }
}
