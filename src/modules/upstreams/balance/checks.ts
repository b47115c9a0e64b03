/** Looks at the backends of a list from time to time: at all where a path is asked for, else at those that are away. */

import { SallyportError, fault, type Fault } from '../../../core/errors.ts';
import type { BalanceRules } from '../../../contracts/balance.ts';
import type { Seat } from './seat.ts';

export type ChecksOptions = Readonly<{
  rules: BalanceRules;
  now: () => number;
  seats: () => readonly Seat[];
  /** Told when a backend has gone or come back by it. */
  news: (seat: Seat) => void;
}>;

export class Checks {
  readonly #options: ChecksOptions;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: ChecksOptions) {
    this.#options = options;
    this.#wait();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** One round at a time: a check that takes long delays the next. */
  #wait(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#round().then(() => this.#wait()), this.#options.rules.everyMs);
    this.#timer.unref();
  }

  async #round(): Promise<void> {
    const { rules, seats } = this.#options;
    await Promise.all(
      seats()
        .filter(({ backend }) => rules.path !== null || !backend.standing.isUp)
        .map((seat) => this.#look(seat)),
    );
  }

  async #look(seat: Seat): Promise<void> {
    const { rules, now, news } = this.#options;
    const { standing } = seat.backend;
    let wrong: Fault | null = null;
    try {
      await seat.upstream.probe?.({ path: rules.path, withinMs: rules.withinMs });
    } catch (error) {
      wrong = faultOf(error);
    }
    if (this.#closed) return;
    if (wrong === null ? standing.passed(now()) : standing.failed(wrong, now())) news(seat);
  }
}

export function faultOf(error: unknown): Fault {
  if (error instanceof SallyportError) return fault(error.code, error.message);
  return fault('upstream-broken', 'the check failed');
}
