/** What must be remembered or shared: versioned records with compare-and-put, time to live and watch; counters; a bus. */

/** JSON, and nothing else, is kept. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Entry = Readonly<{
  key: string;
  value: Json;
  /** Grows with every change of the store, never reused. */
  version: number;
  /** Milliseconds since 1970, or null. Past it the entry does not exist. */
  expires: number | null;
}>;

export type Change = Readonly<{ key: string; entry: Entry | null }>;

/**
 * Keys are `/`-separated segments of `[A-Za-z0-9._~@:-]`, 512 bytes at most; a value is 64 KiB at most as JSON.
 * Errors: `record-conflicted` when `ifVersion` does not hold, `store-unavailable` when the store is away, `disk-full`.
 */
export interface Records {
  get(key: string): Promise<Entry | null>;
  /** All entries whose key starts with `prefix`, by key. */
  list(prefix: string): Promise<readonly Entry[]>;
  /** `ifVersion: 0` creates only; another number replaces only that version; absent replaces whatever is there. */
  put(key: string, value: Json, options?: { readonly ifVersion?: number; readonly ttlMs?: number }): Promise<Entry>;
  /** True when there was something to delete. */
  delete(key: string, options?: { readonly ifVersion?: number }): Promise<boolean>;
  /**
   * Calls `listener` for each change below `prefix` from now on, this process's and others' alike
   * (others' within 300 ms), in the order of versions. What expires is told as a deletion.
   * An own change is told before its `put` resolves; several changes of one key by others may be told as one, the newest.
   */
  watch(prefix: string, listener: (change: Change) => void): { close(): void };
}

export interface Counters {
  /** Adds `amount` to a counter that forgets itself `windowMs` after it was first touched; returns the new sum. Atomic over processes. */
  add(key: string, amount: number, windowMs: number): Promise<number>;
}

export interface Bus {
  publish(subject: string, message: Json): Promise<void>;
  subscribe(subject: string, listener: (message: Json) => void): { close(): void };
}

export interface Store {
  readonly records: Records;
  readonly counters: Counters;
  readonly bus: Bus;
  close(): Promise<void>;
}
