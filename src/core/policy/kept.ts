/** Something of another's that is asked for seldom: kept while it is fresh, used a while longer when it cannot be had anew. */

export type KeptRules = Readonly<{
  now: () => number;
  /** How long it is taken as it is. */
  freshMs: number;
  /** How long it is used at most, when it cannot be had anew. */
  staleMs: number;
  /** The shortest time between two attempts, whoever causes them. */
  retryMs: number;
}>;

/** One attempt at a time; its failure is null, and nobody is told twice. */
export class Kept<Value> {
  readonly #ask: () => Promise<Value>;
  readonly #rules: KeptRules;
  #value: Value | null = null;
  #at = -Infinity;
  #triedAt = -Infinity;
  #running: Promise<void> | null = null;

  constructor(ask: () => Promise<Value>, rules: KeptRules) {
    this.#ask = ask;
    this.#rules = rules;
  }

  /** @param newerThan what did not do: it is asked for anew, if the last attempt is long enough ago */
  async get(newerThan: Value | null = null): Promise<Value | null> {
    const { now, freshMs, staleMs, retryMs } = this.#rules;
    const wanting = this.#value === null || this.#value === newerThan || now() - this.#at >= freshMs;
    if (wanting && this.#running === null && now() - this.#triedAt >= retryMs) {
      this.#running = this.#renew().finally(() => (this.#running = null));
    }
    if (wanting && this.#running !== null) await this.#running;
    return now() - this.#at < staleMs ? this.#value : null;
  }

  async #renew(): Promise<void> {
    this.#triedAt = this.#rules.now();
    try {
      this.#value = await this.#ask();
      this.#at = this.#rules.now();
    } catch {
      // What was known stands until it is stale.
    }
  }
}
