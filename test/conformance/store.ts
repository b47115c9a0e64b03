/** What every store must do: a new one is tested by handing its `open` in here. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Change, Json, Store } from '../../src/contracts/store.ts';
import { keyBytesMax, valueBytesMax } from '../../src/core/store/record.ts';

/** Opens handles: each call gives another one onto the same data. `now` is the clock that they must use. */
export type OpenHandles = (now: () => number) => Promise<{ readonly handle: () => Promise<Store>; readonly clean: () => Promise<void> }>;

/** Long enough for any poll on a busy machine: reached only when something is wrong. */
const patienceMs = 5_000;

export function storeConforms(name: string, open: OpenHandles): void {
  describe(`the ${name} store`, () => {
    let clock = 1_700_000_000_000;
    let one: Store;
    let other: Store;
    let clean: () => Promise<void>;
    before(async () => {
      const opened = await open(() => clock);
      one = await opened.handle();
      other = await opened.handle();
      clean = opened.clean;
    });
    after(async () => {
      await one.close();
      await other.close();
      await clean();
    });

    describeRecords(() => ({ one, other, pass: (ms) => (clock += ms), now: () => clock }));
    describeWatch(() => ({ one, other, pass: (ms) => (clock += ms), now: () => clock }));
    describeShared(() => ({ one, other, pass: (ms) => (clock += ms), now: () => clock }));
  });
}

type Bench = Readonly<{ one: Store; other: Store; pass: (ms: number) => void; now: () => number }>;

function describeRecords(bench: () => Bench): void {
  it('gives back what was put, through every handle', async () => {
    const { one, other } = bench();
    const value = { text: 'ü\u0000\u2028', list: [1, null, true, -0.5], nested: { __proto__x: 1 } };
    const put = await one.records.put('a/value', value);
    assert.deepEqual(put.value, value);
    assert.deepEqual(await other.records.get('a/value'), put);
    assert.equal(await one.records.get('a/none'), null);
  });

  it('numbers every change of the whole store upwards and uses no number twice', async () => {
    const { one, other } = bench();
    const first = await one.records.put('a/one', 1);
    const second = await other.records.put('a/two', 2);
    await one.records.delete('a/one');
    const again = await one.records.put('a/one', 3);
    assert.ok(first.version < second.version && second.version < again.version - 1);
  });

  it('creates only, replaces only the version that was read, and refuses otherwise', async () => {
    const { one, other } = bench();
    const made = await one.records.put('cas/x', 1, { ifVersion: 0 });
    await assert.rejects(other.records.put('cas/x', 2, { ifVersion: 0 }), { code: 'record-conflicted' });
    const replaced = await other.records.put('cas/x', 2, { ifVersion: made.version });
    await assert.rejects(one.records.put('cas/x', 3, { ifVersion: made.version }), { code: 'record-conflicted' });
    await assert.rejects(one.records.delete('cas/x', { ifVersion: made.version }), { code: 'record-conflicted' });
    assert.deepEqual((await one.records.get('cas/x'))?.value, 2);
    assert.equal(await one.records.delete('cas/x', { ifVersion: replaced.version }), true);
    await assert.rejects(one.records.put('cas/x', 4, { ifVersion: replaced.version }), { code: 'record-conflicted' });
    assert.equal(await one.records.delete('cas/x'), false);
  });

  it('lets exactly one of many win a name that all claim at once (race Y: name claim)', async () => {
    const { one, other } = bench();
    const tries = Array.from({ length: 40 }, (_, index) =>
      (index % 2 === 0 ? one : other).records.put('race/name', index, { ifVersion: 0 }),
    );
    const won = (await Promise.allSettled(tries)).filter((result) => result.status === 'fulfilled');
    assert.equal(won.length, 1);
  });

  it('loses no step of two who count by compare-and-put', async () => {
    const { one, other } = bench();
    await one.records.put('race/count', 0);
    await Promise.all(Array.from({ length: 30 }, (_, index) => count(index % 2 === 0 ? one : other)));
    assert.equal((await other.records.get('race/count'))?.value, 30);
  });

  it('lists what begins with the prefix, by key, and nothing else', async () => {
    const { one, other } = bench();
    for (const key of ['list/b', 'list/a/z', 'list/~', 'list/A', 'list', 'lisu', 'list/a:1', 'list/a', 'list/a-1'])
      await one.records.put(key, key);
    assert.deepEqual(
      (await other.records.list('list/')).map((entry) => entry.key),
      ['list/A', 'list/a', 'list/a-1', 'list/a/z', 'list/a:1', 'list/b', 'list/~'],
    );
    assert.deepEqual(
      (await one.records.list('list/a/')).map((entry) => entry.value),
      ['list/a/z'],
    );
    assert.deepEqual(await one.records.list('nothing/'), []);
    assert.ok((await one.records.list('')).length >= 9);
  });

  it('ends an entry exactly when its time is over (race Y: TTL boundary)', async () => {
    const { one, other, pass, now } = bench();
    const put = await one.records.put('ttl/x', 1, { ttlMs: 1_000 });
    assert.equal(put.expires, now() + 1_000);
    pass(999);
    assert.equal((await other.records.get('ttl/x'))?.value, 1);
    pass(1);
    assert.equal(await other.records.get('ttl/x'), null);
    assert.deepEqual(await one.records.list('ttl/'), []);
    await assert.rejects(one.records.put('ttl/x', 2, { ifVersion: put.version }), { code: 'record-conflicted' });
    assert.equal((await one.records.put('ttl/x', 3, { ifVersion: 0 })).expires, null);
    pass(10_000_000);
    assert.equal((await other.records.get('ttl/x'))?.value, 3);
  });

  it('keeps keys that are names of every object: __proto__, constructor, toString', async () => {
    const { one, other } = bench();
    for (const key of ['__proto__', 'constructor', 'toString', 'p/__proto__']) {
      assert.equal(await one.records.get(key), null);
      await one.records.put(key, { name: key });
      assert.deepEqual((await other.records.get(key))?.value, { name: key });
      assert.equal(await other.counters.add(key, 1, 1_000), 1);
      assert.equal(await one.records.delete(key), true);
    }
  });

  it('refuses a key or a value past its limits, and a key that is none', async () => {
    const { one } = bench();
    await one.records.put('k'.repeat(keyBytesMax), 'v'.repeat(valueBytesMax - 2));
    for (const key of ['k'.repeat(keyBytesMax + 1), '', '/', 'a/', '/a', 'a//b', 'ä', 'a b', "a'--", 'a\n', 'a\0']) {
      await assert.rejects(one.records.put(key, 1), RangeError, JSON.stringify(key));
      await assert.rejects(one.records.get(key), RangeError, JSON.stringify(key));
    }
    await assert.rejects(one.records.put('long', 'v'.repeat(valueBytesMax - 1)), RangeError);
    await assert.rejects(one.records.put('long', 'ü'.repeat(valueBytesMax / 2)), RangeError);
    await assert.rejects(one.records.put('no', undefined as unknown as Json), TypeError);
  });
}

async function count(store: Store): Promise<void> {
  for (;;) {
    const there = await store.records.get('race/count');
    assert.ok(there !== null && typeof there.value === 'number');
    try {
      await store.records.put('race/count', there.value + 1, { ifVersion: there.version });
      return;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'record-conflicted');
    }
  }
}

function describeWatch(bench: () => Bench): void {
  it('tells changes of every handle below the prefix, in the order of versions, from now on', async () => {
    const { one, other } = bench();
    await other.records.put('watch/before', 1);
    const heard = hear(one, 'watch/');
    await other.records.put('watch/a', 1);
    await other.records.put('elsewhere/a', 1);
    await one.records.put('watch/b', 2);
    await other.records.delete('watch/a');
    await other.records.put('watch/end', 3);
    const changes = await heard.until((change) => change.key === 'watch/end');
    assert.ok(changes.every((change) => change.key.startsWith('watch/') && change.key !== 'watch/before'));
    assert.deepEqual(changes.find((change) => change.key === 'watch/b')?.entry?.value, 2);
    assert.equal(changes.findLast((change) => change.key === 'watch/a')?.entry, null);
    const versions = changes.flatMap((change) => (change.entry === null ? [] : [change.entry.version]));
    assert.deepEqual(
      versions,
      versions.toSorted((left, right) => left - right),
    );
    heard.close();
  });

  it('has told an own change before the put resolves', async () => {
    const { one } = bench();
    const heard = hear(one, 'own/');
    await one.records.put('own/x', 1);
    assert.deepEqual(
      heard.changes.map((change) => change.key),
      ['own/x'],
    );
    heard.close();
    await one.records.put('own/x', 2);
    assert.equal(heard.changes.length, 1);
  });

  it('tells what expired as a deletion, to every handle', async () => {
    const { one, other, pass } = bench();
    const here = hear(one, 'gone/');
    const there = hear(other, 'gone/');
    await one.records.put('gone/x', 1, { ttlMs: 500 });
    pass(500);
    await here.until((change) => change.entry === null);
    await there.until((change) => change.entry === null);
    here.close();
    there.close();
  });

  it('lets a listener write', async () => {
    const { one } = bench();
    const written: Promise<unknown>[] = [];
    const watcher = one.records.watch('echo/in', () => written.push(one.records.put('echo/out', 1)));
    await one.records.put('echo/in', 1);
    watcher.close();
    await Promise.all(written);
    assert.equal((await one.records.get('echo/out'))?.value, 1);
  });
}

function describeShared(bench: () => Bench): void {
  it('adds to a counter from every handle without losing one', async () => {
    const { one, other } = bench();
    const sums = await Promise.all(
      Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? one : other).counters.add('c/x', 2, 60_000)),
    );
    assert.equal(Math.max(...sums), 80);
    assert.equal(new Set(sums).size, 40);
  });

  it('forgets a counter when its window is over, counted from the first touch', async () => {
    const { one, other, pass } = bench();
    await one.counters.add('c/window', 1, 1_000);
    pass(999);
    assert.equal(await other.counters.add('c/window', 1, 1_000), 2);
    pass(1);
    assert.equal(await other.counters.add('c/window', 5, 1_000), 5);
  });

  it('carries a message to the subscribers of its subject in every handle, in order', async () => {
    const { one, other } = bench();
    const heard: Json[] = [];
    const complete = Promise.withResolvers<void>();
    await other.bus.publish('news/a', 'before');
    const subscription = one.bus.subscribe('news/a', (message) => {
      heard.push(message);
      if (message === 'end') complete.resolve();
    });
    await other.bus.publish('news/b', 'not mine');
    await other.bus.publish('news/a', { n: 1 });
    await one.bus.publish('news/a', [2]);
    await other.bus.publish('news/a', 'end');
    await within(complete.promise);
    assert.deepEqual(heard, [{ n: 1 }, [2], 'end']);
    subscription.close();
  });
}

function hear(store: Store, prefix: string) {
  const changes: Change[] = [];
  let next = Promise.withResolvers<void>();
  const watcher = store.records.watch(prefix, (change) => {
    changes.push(change);
    next.resolve();
    next = Promise.withResolvers<void>();
  });
  return {
    changes,
    close: () => watcher.close(),
    until: async (wanted: (change: Change) => boolean): Promise<readonly Change[]> => {
      while (!changes.some(wanted)) {
        await within(next.promise);
      }
      return changes;
    },
  };
}

async function within<Result>(promise: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing was told')), patienceMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
