/** What another says is asked for seldom, and forgotten in time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kept } from './kept.ts';

const rules = { freshMs: 100, staleMs: 1_000, retryMs: 10 };

function scene() {
  const clock = { now: 0 };
  const world = { value: 0, away: false, asked: 0 };
  const kept = new Kept<{ readonly value: number }>(
    async () => {
      world.asked += 1;
      if (world.away) throw new Error('away');
      return { value: world.value };
    },
    { ...rules, now: () => clock.now },
  );
  return { clock, world, kept };
}

test('it is fetched once while it is fresh, also for many at once', async () => {
  const { clock, world, kept } = scene();
  const all = await Promise.all(Array.from({ length: 50 }, () => kept.get()));
  clock.now = 99;
  await kept.get();
  assert.deepEqual([world.asked, new Set(all).size], [1, 1]);
  clock.now = 100;
  world.value = 1;
  assert.deepEqual([await kept.get(), world.asked], [{ value: 1 }, 2]);
});

test('what did not do is fetched anew, no more often than the shortest time between two attempts', async () => {
  const { clock, world, kept } = scene();
  const first = await kept.get();
  for (let count = 0; count < 50; count += 1) await kept.get(first);
  assert.equal(world.asked, 1);
  clock.now = 10;
  assert.notEqual(await kept.get(first), first);
  assert.equal(world.asked, 2);
});

test('when it cannot be had it is used until it is stale, and then no more: fail closed', async () => {
  const { clock, world, kept } = scene();
  const first = await kept.get();
  world.away = true;
  for (const now of [100, 500, 999]) {
    clock.now = now;
    assert.equal(await kept.get(), first);
  }
  clock.now = 1_000;
  assert.equal(await kept.get(), null);
});

test('a failure at the beginning is nothing, and not asked again at once', async () => {
  const { clock, world, kept } = scene();
  world.away = true;
  assert.deepEqual([await kept.get(), await kept.get(), world.asked], [null, null, 1]);
  clock.now = 10;
  world.away = false;
  assert.deepEqual(await kept.get(), { value: 0 });
});
