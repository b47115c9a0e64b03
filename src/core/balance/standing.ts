/** Whether a backend is taken for alive: what exchanges and checks say of it, and how it comes back. */

import type { Fault } from '../errors.ts';

export type StandingRules = Readonly<{
  /** So many failures in a row, of exchanges or checks, and it is away. That nobody listens is said once. */
  failsMax: number;
  /** How long one that came back takes to get its whole share; 0 for at once. */
  slowMs: number;
}>;

/** The least share while a backend starts slowly: with none at all it would never begin. */
const shareMin = 0.05;

/**
 * Times are milliseconds since 1970. Each method says whether the backend has gone or come back by it. Only a check brings
 * one back: whoever waits for visitors to try it may wait for ever, and an answer that comes late was begun before it hung.
 */
export class Standing {
  #rules: StandingRules;
  #since: number;
  #fault: Fault | null = null;
  #failures = 0;
  /** Since when it has been back; null for one that was never away, or has its whole share again. */
  #backAt: number | null = null;

  constructor(rules: StandingRules, at: number) {
    this.#rules = rules;
    this.#since = at;
  }

  get isUp(): boolean {
    return this.#fault === null;
  }

  /** Since when it is up, or away. */
  get since(): number {
    return this.#since;
  }

  /** Why it is away; null while it is not. */
  get fault(): Fault | null {
    return this.#fault;
  }

  /** A new configuration may have others. */
  follow(rules: StandingRules): void {
    this.#rules = rules;
  }

  /** How much of its weight it gets. */
  share(at: number): number {
    const { slowMs } = this.#rules;
    if (this.#backAt === null || slowMs === 0) return 1;
    const share = (at - this.#backAt) / slowMs;
    if (share < 1) return share > shareMin ? share : shareMin;
    this.#backAt = null;
    return 1;
  }

  /** An exchange, a dial for one, or a check went wrong by the backend's fault. */
  failed(fault: Fault, at: number): boolean {
    if (this.#fault !== null) {
      this.#fault = fault;
      return false;
    }
    this.#failures += 1;
    if (this.#failures < this.#rules.failsMax && fault.code !== 'upstream-refused') return false;
    this.#fault = fault;
    this.#since = at;
    return true;
  }

  /** An exchange was answered. */
  worked(): void {
    this.#failures = 0;
  }

  /** A check was answered. */
  passed(at: number): boolean {
    this.#failures = 0;
    if (this.#fault === null) return false;
    this.#fault = null;
    this.#since = at;
    this.#backAt = at;
    return true;
  }
}
