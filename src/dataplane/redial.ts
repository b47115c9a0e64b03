/** When a relay is tried again: at once, then after jittered waits that grow, and at once whenever something changed. */

/** A carrier that lived this long ended for a reason of its own: the next attempt is made at once. */
const stoodMs = 5_000;
/** A relay that was there until now is most likely being restarted: it is asked for each second so long, and found within one. */
const restartMs = 30_000;
const restartWaitMs = 1_000;
const firstWaitMs = 500;

export type RedialOptions = Readonly<{
  /** The longest wait. */
  mostMs: number;
  /** Milliseconds of a clock that never jumps. */
  now: () => number;
  /** Between 0 and 1: a thousand gateways must not come back in one moment. */
  chance: () => number;
}>;

export class Redial {
  readonly #options: RedialOptions;
  /** Attempts since the last carrier that stood for a while. */
  #failures = 0;
  #lostAt = -Infinity;
  #awake: () => void = () => undefined;

  constructor(options: RedialOptions) {
    this.#options = options;
  }

  /** A carrier was lost that had stood so long. Whether that was long enough to begin anew: one that accepts and hangs up is no relay that came back. */
  lost(stood: number): boolean {
    if (stood < stoodMs) return false;
    this.#failures = 0;
    this.#lostAt = this.#options.now();
    return true;
  }

  /** What failed a moment ago may go now: the next attempt is made at once. */
  wake(): void {
    this.#failures = 0;
    this.#awake();
  }

  /** How long to wait before the next attempt, in milliseconds: each wait between a half and the whole of 0.5, 1, 2 … s. */
  next(): number {
    const failures = this.#failures++;
    if (failures === 0) return 0;
    const { mostMs, now, chance } = this.#options;
    const most = now() - this.#lostAt < restartMs ? Math.min(mostMs, restartWaitMs) : mostMs;
    return Math.min(most, firstWaitMs * 2 ** Math.min(failures - 1, 16)) * (0.5 + chance() / 2);
  }

  /** Waits; less when woken or when the signal comes. */
  async pause(signal: AbortSignal): Promise<void> {
    const ms = this.next();
    if (ms === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#awake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', this.#awake, { once: true });
    });
    signal.removeEventListener('abort', this.#awake);
    this.#awake = () => undefined;
  }
}
