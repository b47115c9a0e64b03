/** A store in this process's memory: for tests, and for what need not outlive the process. */

import { SallyportError } from '../../core/errors.ts';
import { createListeners } from '../../core/store/listeners.ts';
import { checkKey, checkPrefix, countersMax, encodeValue } from '../../core/store/record.ts';
import type { Change, Entry, Json, Store } from '../../contracts/store.ts';

/** How soon what has expired is told to those who watch. */
const sweepMs = 50;

type Counter = { sum: number; readonly until: number };

/** Everybody who holds the returned store shares its data; `now` decides what has expired. */
export function createMemoryStore({ now }: { readonly now: () => number }): Store {
  const entries = new Map<string, Entry>();
  const watchers = createListeners<Change>(rethrow);
  const counters = new Map<string, Counter>();
  const subscribers = createListeners<Json>(rethrow);
  let version = 0;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;

  const drop = (key: string): void => {
    entries.delete(key);
    version += 1;
    watchers.tell(key, version, { key, entry: null });
  };
  const live = (key: string): Entry | null => {
    const entry = entries.get(key);
    if (entry === undefined) return null;
    if (entry.expires === null || now() < entry.expires) return entry;
    drop(key);
    return null;
  };
  const sweep = (): void => {
    for (const key of [...entries.keys()]) live(key);
  };
  const open = (): void => {
    if (closed) throw new SallyportError('store-unavailable', 'The store is closed.');
  };
  const expect = (key: string, ifVersion: number | undefined): Entry | null => {
    const there = live(key);
    if (ifVersion !== undefined && ifVersion !== (there?.version ?? 0)) {
      throw new SallyportError('record-conflicted', `Somebody else changed ${key} meanwhile.`, { hint: 'Read it again and repeat.' });
    }
    return there;
  };

  return {
    records: {
      get: async (key) => {
        open();
        return live(checkKey(key));
      },
      list: async (prefix) => {
        open();
        checkPrefix(prefix);
        const keys = [...entries.keys()].filter((key) => key.startsWith(prefix)).toSorted();
        return keys.map(live).filter((entry) => entry !== null);
      },
      put: async (key, value, { ifVersion, ttlMs } = {}) => {
        open();
        const text = encodeValue(value);
        expect(checkKey(key), ifVersion);
        version += 1;
        // Parsed again, so that nobody holds a reference into the store.
        const entry = Object.freeze({ key, value: JSON.parse(text) as Json, version, expires: ttlMs === undefined ? null : now() + ttlMs });
        entries.set(key, entry);
        watchers.tell(key, version, { key, entry });
        return entry;
      },
      delete: async (key, { ifVersion } = {}) => {
        open();
        if (expect(checkKey(key), ifVersion) === null) return false;
        drop(key);
        return true;
      },
      watch: (prefix, listener) => {
        open();
        checkPrefix(prefix);
        timer ??= setInterval(sweep, sweepMs).unref();
        return watchers.add((key) => key.startsWith(prefix), version, listener);
      },
    },
    counters: {
      add: async (key, amount, windowMs) => {
        open();
        checkKey(key);
        const at = now();
        const there = counters.get(key);
        if (there !== undefined && at < there.until) {
          there.sum += amount;
          return there.sum;
        }
        counters.delete(key);
        counters.set(key, { sum: amount, until: at + windowMs });
        if (counters.size > countersMax) forgetCounters(counters, at);
        return amount;
      },
    },
    bus: {
      publish: async (subject, message) => {
        open();
        checkKey(subject);
        subscribers.tell(subject, 1, JSON.parse(encodeValue(message)) as Json);
      },
      subscribe: (subject, listener) => {
        open();
        checkKey(subject);
        return subscribers.add((sent) => sent === subject, 0, listener);
      },
    },
    close: async () => {
      closed = true;
      if (timer !== null) clearInterval(timer);
      watchers.clear();
      subscribers.clear();
    },
  };
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
