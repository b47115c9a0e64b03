import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { storeConforms } from '../../../test/conformance/store.ts';
import { openSqliteStore } from './sqlite.ts';

storeConforms('sqlite', async (now) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-store-'));
  return {
    handle: () => openSqliteStore({ path: join(folder, 'store.sqlite'), now, pollMs: 20 }),
    clean: () => rm(folder, { recursive: true }),
  };
});

const writer = fileURLToPath(new URL('../../../test/faults/store-writer.ts', import.meta.url));

/** A writing process that has confirmed at least `steps` steps since its start. */
async function startWriter(path: string, name: string, confirmed: Set<number>, steps: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [writer, path, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const begun = Promise.withResolvers<void>();
  let count = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    confirmed.add(Number(line));
    count += 1;
    if (count === steps) begun.resolve();
  });
  child.once('exit', () => begun.reject(new Error(`the writer ${name} ended`)));
  await begun.promise;
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

describe('the SQLite file', () => {
  let folder: string;
  let count = 0;
  const fresh = (): string => join(folder, `store-${(count += 1)}.sqlite`);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-sqlite-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('loses nothing that was confirmed and stays whole when its writers are killed 20 times (kill -9)', { timeout: 60_000 }, async () => {
    const path = fresh();
    const confirmed = new Set<number>();
    let other = await startWriter(path, 'other', confirmed, 1);
    for (let round = 0; round < 20; round += 1) {
      const one = await startWriter(path, `one-${round}`, confirmed, 1 + (round % 7));
      await kill(other);
      other = one;
    }
    await kill(other);

    const store = await openSqliteStore({ path, now: Date.now });
    const steps = new Set((await store.records.list('step/')).map((entry) => Number(entry.key.slice(5))));
    const chain = (await store.records.get('chain'))?.value;
    assert.ok(typeof chain === 'number' && chain >= Math.max(...confirmed));
    assert.deepEqual(
      [...confirmed].filter((step) => !steps.has(step)),
      [],
    );
    // Who was killed between two writes leaves a gap, and no more than one each.
    assert.ok(chain - steps.size <= 21, `${chain} links, ${steps.size} steps`);
    assert.ok((await store.counters.add('steps', 0, 1)) >= confirmed.size);
    await store.close();
    const db = new DatabaseSync(path);
    assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
    db.close();
  });

  it('tells what another process wrote', async () => {
    const path = fresh();
    const store = await openSqliteStore({ path, now: Date.now });
    const heard = Promise.withResolvers<string>();
    store.records.watch('step/', (change) => heard.resolve(change.key));
    const child = await startWriter(path, 'other', new Set(), 1);
    assert.match(await heard.promise, /^step\/\d{9}$/);
    await kill(child);
    await store.close();
  });

  it('is for its owner alone, with its log and its index (secrets at rest)', async () => {
    const path = fresh();
    const umask = process.umask(0);
    const store = await openSqliteStore({ path, now: Date.now }).finally(() => process.umask(umask));
    await store.records.put('a', 1);
    for (const name of [path, `${path}-wal`, `${path}-shm`]) assert.equal((await stat(name)).mode & 0o777, 0o600, name);
    await store.close();
  });

  it('folds its log into the file when it is closed, so that one file is all', async () => {
    const path = fresh();
    const store = await openSqliteStore({ path, now: Date.now });
    await store.records.put('a', 'found again');
    await store.close();
    await store.close();
    await assert.rejects(stat(`${path}-wal`), { code: 'ENOENT' });
    assert.match(await readFile(path, 'latin1'), /found again/);
    await assert.rejects(store.records.get('a'), { code: 'store-unavailable' });
    await assert.rejects(store.records.put('a', 1), { code: 'store-unavailable' });
  });

  it('never stops the event loop while another process holds the file, and writes when it is free', async () => {
    const path = fresh();
    const store = await openSqliteStore({ path, now: Date.now });
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    const order: string[] = [];
    const written = Promise.all([store.records.put('held', 1), store.records.put('held', 2)]).then(() => order.push('written'));
    assert.equal(await store.records.get('held'), null);
    // Were the wait a blocking one, we would not get here before it ends.
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    order.push('free');
    holder.exec('COMMIT');
    await written;
    assert.deepEqual(order, ['free', 'written']);
    assert.equal((await store.records.get('held'))?.value, 2);
    holder.close();
    await store.close();
  });

  it('says that the disk is full, keeps what it has, and takes the next when there is room', async () => {
    const path = fresh();
    await (await openSqliteStore({ path, now: Date.now })).close();
    const full = new DatabaseSync(path);
    const pages = Number(full.prepare('PRAGMA page_count').get()?.['page_count']);
    full.close();
    // The same answer that SQLite gives for ENOSPC: no page can be had.
    const store = await openSqliteStore({ path, now: Date.now, pagesMax: pages + 4 });
    await store.records.put('kept', 1);
    await assert.rejects(store.records.put('large', 'x'.repeat(60_000)), { code: 'disk-full' });
    assert.equal((await store.records.get('kept'))?.value, 1);
    assert.equal(await store.records.get('large'), null);
    await store.close();
    const again = await openSqliteStore({ path, now: Date.now });
    await again.records.put('large', 'x'.repeat(60_000));
    assert.equal((await again.records.list('')).length, 2);
    await again.close();
  });

  it('leaves a file alone that is not its own, newer than it, or damaged', async () => {
    const foreign = fresh();
    const theirs = new DatabaseSync(foreign);
    for (const sql of ['CREATE TABLE other (x)', 'PRAGMA user_version = 3', 'PRAGMA application_id = 7']) {
      theirs.exec(sql);
      await assert.rejects(openSqliteStore({ path: foreign, now: Date.now }), { code: 'store-unavailable' });
    }
    theirs.close();

    const newer = fresh();
    await (await openSqliteStore({ path: newer, now: Date.now })).close();
    const db = new DatabaseSync(newer);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await assert.rejects(openSqliteStore({ path: newer, now: Date.now }), { code: 'store-unavailable' });

    const damaged = fresh();
    await writeFile(damaged, 'no database at all, but long enough to be looked at as one'.repeat(40));
    await assert.rejects(openSqliteStore({ path: damaged, now: Date.now }), { code: 'store-unavailable' });
  });

  it('is not opened through a symbolic link (class V)', async () => {
    const target = fresh();
    const path = fresh();
    await symlink(target, path);
    await assert.rejects(openSqliteStore({ path, now: Date.now }), { code: 'home-unwritable' });
  });

  it('opens in many processes at once, the first time too', async () => {
    const path = fresh();
    const stores = await Promise.all(Array.from({ length: 8 }, () => openSqliteStore({ path, now: Date.now })));
    await Promise.all(stores.map((store, index) => store.records.put(`opened/${index}`, index)));
    assert.equal((await stores[0]?.records.list('opened/'))?.length, 8);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('forgets a message that nobody can still be waiting for', async () => {
    const path = fresh();
    let clock = 1_000_000;
    const store = await openSqliteStore({ path, now: () => clock });
    await store.bus.publish('old', 1);
    clock += 60_001;
    for (let index = 0; index < 64; index += 1) await store.bus.publish('new', index);
    await store.close();
    const db = new DatabaseSync(path);
    assert.equal(db.prepare("SELECT count(*) AS count FROM messages WHERE subject = 'old'").get()?.['count'], 0);
    db.close();
  });
});
