/** A store in this process's memory: for tests, and for what need not outlive the process. */

import { SallyportError } from '../../core/errors.ts';
import { createListeners } from '../../core/store/listeners.ts';
import { checkKey, checkPrefix, countersMax, encodeValue } from '../../core/store/record.ts';
import type { Change, Entry, Json, Records, Store } from '../../contracts/store.ts';

/** How soon what has expired is told to those who watch. */
const sweepMs = 50;

type Counter = { sum: number; readonly until: number };

/** Everybody who holds the returned store shares its data; `now` decides what has expired. */
export function createMemoryStore({ now }: { readonly now: () => number }): Store {
  const state = { closed: false };
  const mustBeOpen = (): void => {
    if (state.closed) throw new SallyportError('store-unavailable', 'The store is closed.');
  };
  const entries = new Entries(now, mustBeOpen);
  const counters = new Map<string, Counter>();
  const subscribers = createListeners<Json>(rethrow);
  return {
    records: entries,
    counters: {
      add: async (key, amount, windowMs) => {
        mustBeOpen();
        return count(counters, checkKey(key), amount, windowMs, now());
      },
    },
    bus: {
      publish: async (subject, message) => {
        mustBeOpen();
        subscribers.tell(checkKey(subject), 1, JSON.parse(encodeValue(message)) as Json);
      },
      subscribe: (subject, listener) => {
        mustBeOpen();
        checkKey(subject);
        return subscribers.add((sent) => sent === subject, 0, listener);
      },
    },
    close: async () => {
      state.closed = true;
      entries.stop();
      subscribers.clear();
    },
  };
}

class Entries implements Records {
  readonly #now: () => number;
  readonly #mustBeOpen: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = createListeners<Change>(rethrow);
  #timer: NodeJS.Timeout | null = null;
  #version = 0;

  constructor(now: () => number, mustBeOpen: () => void) {
    this.#now = now;
    this.#mustBeOpen = mustBeOpen;
  }

  async get(key: string): Promise<Entry | null> {
    this.#mustBeOpen();
    return this.#live(checkKey(key));
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    this.#mustBeOpen();
    checkPrefix(prefix);
    const keys = [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).toSorted();
    return keys.map((key) => this.#live(key)).filter((entry) => entry !== null);
  }

  async put(key: string, value: Json, { ifVersion, ttlMs }: { readonly ifVersion?: number; readonly ttlMs?: number } = {}): Promise<Entry> {
    this.#mustBeOpen();
    const text = encodeValue(value);
    this.#expect(checkKey(key), ifVersion);
    this.#version += 1;
    const expires = ttlMs === undefined ? null : this.#now() + ttlMs;
    // Parsed again, so that nobody holds a reference into the store.
    const entry = Object.freeze({ key, value: JSON.parse(text) as Json, version: this.#version, expires });
    this.#entries.set(key, entry);
    this.#watchers.tell(key, this.#version, { key, entry });
    return entry;
  }

  async delete(key: string, { ifVersion }: { readonly ifVersion?: number } = {}): Promise<boolean> {
    this.#mustBeOpen();
    if (this.#expect(checkKey(key), ifVersion) === null) return false;
    this.#drop(key);
    return true;
  }

  watch(prefix: string, listener: (change: Change) => void): { close(): void } {
    this.#mustBeOpen();
    checkPrefix(prefix);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs).unref();
    return this.#watchers.add((key) => key.startsWith(prefix), this.#version, listener);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#watchers.clear();
  }

  #live(key: string): Entry | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.expires === null || this.#now() < entry.expires) return entry;
    this.#drop(key);
    return null;
  }

  #drop(key: string): void {
    this.#entries.delete(key);
    this.#version += 1;
    this.#watchers.tell(key, this.#version, { key, entry: null });
  }

  #expect(key: string, ifVersion: number | undefined): Entry | null {
    const there = this.#live(key);
    if (ifVersion !== undefined && ifVersion !== (there?.version ?? 0)) {
      throw new SallyportError('record-conflicted', `Somebody else changed ${key} meanwhile.`, { hint: 'Read it again and repeat.' });
    }
    return there;
  }

  #sweep(): void {
    for (const key of [...this.#entries.keys()]) this.#live(key);
  }
}

function count(counters: Map<string, Counter>, key: string, amount: number, windowMs: number, at: number): number {
  const there = counters.get(key);
  if (there !== undefined && at < there.until) {
    there.sum += amount;
    return there.sum;
  }
  counters.delete(key);
  counters.set(key, { sum: amount, until: at + windowMs });
  if (counters.size > countersMax) forgetCounters(counters, at);
  return amount;
}

/** A listener that throws is our fault: the store goes on, the process reports. */
function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function forgetCounters(counters: Map<string, Counter>, at: number): void {
  for (const [key, counter] of counters) if (counter.until <= at) counters.delete(key);
  const excess = counters.size - countersMax;
  if (excess <= 0) return;
  const byEnd = [...counters].toSorted((one, other) => one[1].until - other[1].until);
  // A tenth more than needed, so that the next one does not sort again.
  for (const [key] of byEnd.slice(0, excess + countersMax / 10)) counters.delete(key);
}
