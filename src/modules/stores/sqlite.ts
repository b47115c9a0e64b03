/** The embedded store: one SQLite file, shared by the processes of a machine, whole after any `kill -9`. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { SallyportError } from '../../core/errors.ts';
import { fileFault } from '../../core/system-error.ts';
import { createListeners } from '../../core/store/listeners.ts';
import { checkKey, checkPrefix, encodeValue } from '../../core/store/record.ts';
import { createTurns, type Turns } from '../../core/store/turns.ts';
import type { Bus, Change, Counters, Entry, Json, Records, Store } from '../../contracts/store.ts';
import { openDatabase, prepareAll } from './sqlite-database.ts';
import { isSqliteError, isStoreBusy, storeFault, storeUnavailable } from './sqlite-fault.ts';
import { batchMax, pagesMax } from './sqlite-schema.ts';

/** How long a write waits for other processes before the store counts as away. */
const busyMs = 5_000;
const jobsMax = 10_000;
/** The contract gives others' changes 300 ms. */
const pollMsDefault = 150;
/** A deletion is remembered so long, for processes that were stopped meanwhile. */
const graveMs = 30 * 86_400_000;
const messageMs = 60_000;

type Row = Readonly<{ key: string; value: string | null; version: number; expires: number | null }>;
type Message = Readonly<{ id: number; subject: string; body: string }>;

/**
 * Opens (and makes) the store at `path`. `now` decides what has expired; `pollMs` is how often others' changes are looked for.
 * Errors: `store-unavailable` (another's file, damaged, newer than us), `home-unwritable`, `disk-full`.
 */
export async function openSqliteStore(options: {
  readonly path: string;
  readonly now: () => number;
  readonly pollMs?: number;
  /** How large the file may grow, in pages of 4 KiB: past it writes fail as on a full disk. */
  readonly pagesMax?: number;
}): Promise<Store> {
  const { path, now, pollMs = pollMsDefault } = options;
  try {
    // SQLite would make it by the umask, and gives its -wal and -shm the mode of the file itself.
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    await file.close();
  } catch (error) {
    throw fileFault(error, 'opening', path);
  }
  for (const until = Date.now() + busyMs; ;) {
    try {
      return new SqliteStore(openDatabase(path, options.pagesMax ?? pagesMax), path, now, pollMs);
    } catch (error) {
      if (!isStoreBusy(error) || Date.now() > until) throw storeFault(error, path);
      await aLittle();
    }
  }
}

class SqliteStore implements Store {
  readonly records: Records;
  readonly counters: Counters;
  readonly bus: Bus;
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #timer: NodeJS.Timeout;
  readonly #watchers = createListeners<Change>(rethrow);
  readonly #subscribers = createListeners<Json>(rethrow);
  readonly #path: string;
  readonly #turns: Turns;
  #closed: Promise<void> | null = null;
  #durable = true;
  #seenVersion = 0;
  #seenMessage = 0;
  #seenData: unknown = null;
  #counted = 0;
  #published = 0;

  constructor(db: DatabaseSync, path: string, now: () => number, pollMs: number) {
    this.#db = db;
    this.#path = path;
    this.#turns = createTurns({
      isBusy: isStoreBusy,
      pause: aLittle,
      now: Date.now,
      busyMs,
      jobsMax,
      tooMany: () => storeUnavailable(path, `${jobsMax} writes wait`),
    });
    this.#now = now;
    this.#sql = prepareAll(db);
    this.#timer = setInterval(() => this.#poll(), pollMs).unref();
    this.records = {
      get: (key) => this.#read(() => this.#live(checkKey(key))),
      list: (prefix) => this.#read(() => this.#list(checkPrefix(prefix))),
      put: async (key, value, put = {}) => {
        const text = encodeValue(value);
        return this.#write(true, () => this.#put(checkKey(key), text, put.ifVersion, put.ttlMs));
      },
      delete: (key, remove = {}) => this.#write(true, () => this.#delete(checkKey(key), remove.ifVersion)),
      watch: (prefix, listener) => {
        checkPrefix(prefix);
        if (this.#closed !== null) throw closedFault();
        const from = this.#version();
        if (this.#watchers.count() === 0) this.#seenVersion = from;
        return this.#watchers.add((key) => key.startsWith(prefix), from, listener);
      },
    };
    this.counters = { add: (key, amount, windowMs) => this.#write(false, () => this.#count(checkKey(key), amount, windowMs)) };
    this.bus = {
      publish: async (subject, message) => {
        const body = encodeValue(message);
        return this.#write(false, () => this.#publish(checkKey(subject), body));
      },
      subscribe: (subject, listener) => {
        checkKey(subject);
        if (this.#closed !== null) throw closedFault();
        const from = Number(this.#sql.newest.get()?.['id']);
        if (this.#subscribers.count() === 0) this.#seenMessage = from;
        return this.#subscribers.add((sent) => sent === subject, from, listener);
      },
    };
  }

  /** Writes that wait are done first; then the log is folded into the file, as far as no reader holds it. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      clearInterval(this.#timer);
      await this.#turns.settled();
      this.#watchers.clear();
      this.#subscribers.clear();
      this.#db.close();
    })();
    return this.#closed;
  }

  #version(): number {
    return Number(this.#sql.version.get()?.['version']);
  }

  #live(key: string): Entry | null {
    const row = this.#sql.get.get(key, this.#now());
    return row === undefined ? null : entryOf(row as Row);
  }

  #list(prefix: string): readonly Entry[] {
    // Every character of a key sorts before DEL.
    return this.#sql.list.all(prefix, `${prefix}\x7f`, this.#now()).map((row) => entryOf(row as Row));
  }

  #expect(key: string, ifVersion: number | undefined): Entry | null {
    const there = this.#live(key);
    if (ifVersion !== undefined && ifVersion !== (there?.version ?? 0)) {
      throw new SallyportError('record-conflicted', `Somebody else changed ${key} meanwhile.`, { hint: 'Read it again and repeat.' });
    }
    return there;
  }

  #put(key: string, text: string, ifVersion: number | undefined, ttlMs: number | undefined): Entry {
    if (ifVersion !== undefined) this.#expect(key, ifVersion);
    return this.#set(key, text, ttlMs === undefined ? null : this.#now() + ttlMs);
  }

  #delete(key: string, ifVersion: number | undefined): boolean {
    if (this.#expect(key, ifVersion) === null) return false;
    this.#set(key, null, this.#now() + graveMs);
    return true;
  }

  #set(key: string, value: string | null, expires: number | null): Entry {
    const version = Number(this.#sql.tick.get()?.['version']);
    this.#sql.put.run(key, value, version, expires);
    return entryOf({ key, value: value ?? 'null', version, expires });
  }

  #count(key: string, amount: number, windowMs: number): number {
    const at = this.#now();
    if (this.#counted++ % 1_024 === 0) this.#sql.forget.run(at);
    return Number(this.#sql.count.get(key, amount, at + windowMs, at)?.['sum']);
  }

  #publish(subject: string, body: string): void {
    const at = this.#now();
    if (this.#published++ % 64 === 0) this.#sql.unpublish.run(at - messageMs);
    this.#sql.publish.get(subject, body, at);
  }

  async #read<Result>(look: () => Result): Promise<Result> {
    for (const until = Date.now() + busyMs; ;) {
      if (this.#closed !== null) throw closedFault();
      try {
        return look();
      } catch (error) {
        if (!isStoreBusy(error) || Date.now() > until) throw storeFault(error, this.#path);
        await aLittle();
      }
    }
  }

  #write<Result>(durable: boolean, change: () => Result): Promise<Result> {
    if (this.#closed !== null) return Promise.reject(closedFault());
    return this.#turns
      .take(() => this.#transact(durable, change))
      .catch((error: unknown) => {
        throw storeFault(error, this.#path);
      });
  }

  #transact<Result>(durable: boolean, change: () => Result): Result {
    // Records reach the disk before they are confirmed; counters and messages may be lost with the power.
    if (durable !== this.#durable) this.#db.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    this.#durable = durable;
    this.#sql.begin.run();
    let result: Result;
    try {
      result = change();
      this.#sql.commit.run();
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
    this.#tell();
    return result;
  }

  /** Tells what happened since the last time, ours and others', in the order of versions. Never throws: a write that was done stays done. */
  #tell(): void {
    try {
      for (let rows = batchMax; rows === batchMax && this.#watchers.count() > 0;) {
        const news = this.#sql.since.all(this.#seenVersion) as unknown as readonly Row[];
        rows = news.length;
        for (const row of news) {
          this.#seenVersion = row.version;
          this.#watchers.tell(row.key, row.version, { key: row.key, entry: row.value === null ? null : entryOf(row) });
        }
      }
      for (let rows = batchMax; rows === batchMax && this.#subscribers.count() > 0;) {
        const news = this.#sql.messages.all(this.#seenMessage) as unknown as readonly Message[];
        rows = news.length;
        for (const { id, subject, body } of news) {
          this.#seenMessage = id;
          this.#subscribers.tell(subject, id, JSON.parse(body) as Json);
        }
      }
    } catch (error) {
      if (!isSqliteError(error)) throw error;
      // Locked for a moment, or away: the next look tells it.
      this.#seenData = null;
    }
  }

  #poll(): void {
    if (this.#watchers.count() + this.#subscribers.count() === 0) return;
    try {
      const data = this.#sql.dataVersion.get()?.['data_version'];
      if (data !== this.#seenData) {
        this.#seenData = data;
        this.#tell();
      }
      if (this.#turns.waiting() === 0 && this.#sql.expired.get(this.#now()) !== undefined)
        void this.#write(false, () => this.#sweep()).catch(() => {});
    } catch (error) {
      if (!isSqliteError(error)) throw error;
    }
  }

  /** What has expired becomes a deletion with a version of its own, so that all processes tell it, in one order. */
  #sweep(): void {
    const at = this.#now();
    for (const row of this.#sql.expired.all(at) as unknown as readonly Row[]) this.#set(row.key, null, at + graveMs);
    this.#sql.bury.run(at);
  }
}

function entryOf(row: Row): Entry {
  return Object.freeze({ key: row.key, value: JSON.parse(row.value ?? 'null') as Json, version: row.version, expires: row.expires });
}

/** A listener that throws is our fault: the store goes on, the process reports. */
function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Two who wait for each other must not wait alike. */
function aLittle(): Promise<void> {
  return pause(1 + Math.random() * 14);
}

function closedFault(): SallyportError {
  return new SallyportError('store-unavailable', 'The store is closed.');
}
