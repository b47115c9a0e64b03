/** A bounded memory with an end for each entry: what was not used for longest goes first. */

type Entry<Value> = { readonly value: Value; readonly until: number; used: boolean };

/**
 * A look changes a flag and nothing else. Moving the entry to the end instead would make the map grow and
 * shrink with each request, and its old tables would keep dead requests alive until the next great collection.
 */
export class Memo<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #entriesMax: number;
  readonly #keepMs: number;

  constructor(entriesMax: number, keepMs: number) {
    this.#entriesMax = entriesMax;
    this.#keepMs = keepMs;
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until <= now) {
      this.#entries.delete(key);
      return undefined;
    }
    entry.used = true;
    return entry.value;
  }

  set(key: string, value: Value, now: number): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#entriesMax) this.#forgetOne();
    this.#entries.set(key, { value, until: now + this.#keepMs, used: false });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The oldest that was not used since it was last passed over; those that were get another round. */
  #forgetOne(): void {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      if (!entry.used) return;
      entry.used = false;
      this.#entries.set(key, entry);
    }
  }
}
