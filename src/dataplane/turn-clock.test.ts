import assert from 'node:assert/strict';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { turnClock } from './turn-clock.ts';

test('a turn has one time, and the next turn another', async () => {
  let reads = 0;
  const now = turnClock(() => (reads += 1));
  assert.deepEqual([now(), now(), now()], [1, 1, 1]);
  await Promise.resolve();
  assert.equal(now(), 1);
  await nextTurn();
  assert.deepEqual([now(), now()], [2, 2]);
});

test('who slept is not told the time before', async () => {
  const now = turnClock(Date.now);
  const before = now();
  await pause(30);
  assert.ok(now() > before);
});
