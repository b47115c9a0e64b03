/** A bounded memory with an end for each entry: what was used longest ago goes first. */

export class Memo<Value> {
  readonly #entries = new Map<string, Readonly<{ value: Value; until: number }>>();
  readonly #entriesMax: number;
  readonly #keepMs: number;

  constructor(entriesMax: number, keepMs: number) {
    this.#entriesMax = entriesMax;
    this.#keepMs = keepMs;
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.until <= now) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: Value, now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: now + this.#keepMs });
    if (this.#entries.size <= this.#entriesMax) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }
}
