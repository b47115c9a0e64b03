/** Records below one prefix, held in memory as they stand in the store, so that a look is synchronous. */

import type { Change, Entry, Json, Records } from '../../contracts/store.ts';

export type MirrorOptions<Value> = Readonly<{
  records: Records;
  /** With its slash: `users/`. */
  prefix: string;
  /** Parses a record; null when it is none of ours: then it does not exist. */
  read: (value: Json) => Value | null;
  /** Told of each change, with what was there and what is, and of which name. */
  changed?: (before: Value | null, after: Value | null, name: string) => void;
}>;

type Held<Value> = Readonly<{ value: Value; version: number }>;

export class Mirror<Value> {
  readonly #options: MirrorOptions<Value>;
  readonly #held = new Map<string, Held<Value>>();
  /** Deleted here, and not yet heard back from the store: older news of them is not believed. */
  readonly #deleted = new Set<string>();
  #watch: { close(): void } | null = null;

  private constructor(options: MirrorOptions<Value>) {
    this.#options = options;
  }

  /** Reads all there is and follows it from then on. Rejects with `store-unavailable` when the store is away. */
  static async open<Value>(options: MirrorOptions<Value>): Promise<Mirror<Value>> {
    const mirror = new Mirror(options);
    await mirror.#start();
    return mirror;
  }

  get(name: string): Value | null {
    return this.#held.get(this.#options.prefix + name)?.value ?? null;
  }

  /** As `get` takes them, without the prefix. */
  names(): readonly string[] {
    return [...this.#held.keys()].map((key) => key.slice(this.#options.prefix.length));
  }

  values(): readonly Value[] {
    return [...this.#held.values()].map((held) => held.value);
  }

  get size(): number {
    return this.#held.size;
  }

  /** Writes through: what this process says holds in it at once. */
  async put(name: string, record: Json, options: { readonly ifVersion?: number; readonly ttlMs?: number } = {}): Promise<void> {
    const key = this.#options.prefix + name;
    const entry = await this.#options.records.put(key, record, options);
    this.#deleted.delete(key);
    this.#hold(entry);
  }

  /** Writes only over what this process has seen: `record-conflicted` when somebody else was faster. */
  async replace(name: string, record: Json, options: { readonly ttlMs?: number } = {}): Promise<void> {
    const held = this.#held.get(this.#options.prefix + name);
    await this.put(name, record, { ...options, ifVersion: held?.version ?? 0 });
  }

  /** Gone here before the store says so, and even when the store is away: what is revoked must not live on for an answer. */
  async delete(name: string): Promise<boolean> {
    const key = this.#options.prefix + name;
    this.#deleted.add(key);
    this.#drop(key);
    const there = await this.#options.records.delete(key);
    // No news of a deletion will come for what was not there.
    if (!there) this.#deleted.delete(key);
    return there;
  }

  /** Reads one again: what others wrote a moment ago. */
  async look(name: string): Promise<Value | null> {
    const key = this.#options.prefix + name;
    this.#apply({ key, entry: await this.#options.records.get(key) });
    return this.get(name);
  }

  /** Reads all of it again, for whoever cannot wait until the store has looked for others' changes. */
  async refresh(): Promise<void> {
    const { records, prefix } = this.#options;
    const keys = new Set(this.#held.keys());
    for (const entry of await records.list(prefix)) {
      keys.delete(entry.key);
      this.#apply({ key: entry.key, entry });
    }
    // What is missing in the list may have come since.
    for (const key of keys) this.#apply({ key, entry: await records.get(key) });
  }

  close(): void {
    this.#watch?.close();
  }

  async #start(): Promise<void> {
    const { records, prefix } = this.#options;
    // Followed before it is read, so that nothing falls between; what changed meanwhile is read once more.
    let early: Set<string> | null = new Set();
    this.#watch = records.watch(prefix, (change) => (early === null ? this.#apply(change) : void early.add(change.key)));
    for (const entry of await records.list(prefix)) this.#hold(entry);
    while (early.size > 0) {
      const keys: readonly string[] = [...early];
      early.clear();
      for (const key of keys) this.#apply({ key, entry: await records.get(key) });
    }
    early = null;
  }

  #apply({ key, entry }: Change): void {
    if (entry !== null) {
      if (!this.#deleted.has(key)) this.#hold(entry);
      return;
    }
    this.#deleted.delete(key);
    this.#drop(key);
  }

  #hold({ key, value, version }: Entry): void {
    const before = this.#held.get(key);
    if (before !== undefined && before.version >= version) return;
    const after = this.#options.read(value);
    if (after === null) return this.#drop(key);
    this.#held.set(key, { value: after, version });
    this.#options.changed?.(before?.value ?? null, after, key.slice(this.#options.prefix.length));
  }

  #drop(key: string): void {
    const before = this.#held.get(key);
    if (before === undefined) return;
    this.#held.delete(key);
    this.#options.changed?.(before.value, null, key.slice(this.#options.prefix.length));
  }
}
