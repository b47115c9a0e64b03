/** Which of several carriers is taken, and which one goes. */

import { deepEqual, equal } from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Carrier } from './carrier.ts';
import { CarrierPool } from './carrier-pool.ts';

type Fake = { streams: number; ended: boolean; suspended: boolean; roundTripMs: number | null };

/** What the pool asks of a carrier, and nothing that stands on a socket. */
const fake = (changes: Partial<Fake> = {}): Carrier =>
  Object.assign({ streams: 0, ended: false, suspended: false, roundTripMs: null }, changes) as unknown as Carrier;

const ends = { giveUp: () => undefined, giveBack: null };
const options = { drainMs: 1_000, spareMs: 60_000, least: 2, streamsEach: 10 };

test('one whose connection broke is taken only where there is no other, and counts as one that takes none', async () => {
  const pool = new CarrierPool(options);
  const [broken, gone, whole] = [fake({ suspended: true, roundTripMs: 9 }), fake({ ended: true }), fake({ roundTripMs: 7 })];
  for (const carrier of [broken, gone]) pool.add(carrier, ends);
  equal(pool.any(), broken);
  pool.add(whole, ends);
  equal(pool.any(), whole);
  deepEqual([pool.size, pool.taking, pool.roundTripMs], [3, 1, 7]);
});

test('one at a time is given back, never one with streams, and not before the time is over', (context) => {
  mock.timers.enable({ apis: ['setInterval'] });
  context.after(() => mock.timers.reset());
  const clock = { now: performance.now() };
  mock.method(performance, 'now', () => clock.now);
  context.after(() => mock.restoreAll());
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= 500) {
      clock.now += 500;
      mock.timers.tick(500);
    }
  };
  const pool = new CarrierPool(options);
  const back: string[] = [];
  const add = (name: string, streams: number): Fake => {
    const carrier = fake({ streams });
    pool.add(carrier, {
      giveUp: () => undefined,
      giveBack: () => {
        back.push(name);
        pool.delete(carrier);
      },
    });
    return carrier as unknown as Fake;
  };
  const busy = add('busy', 25);
  for (const name of ['one', 'two', 'three']) add(name, 0);
  pass(59_000);
  deepEqual(back, [], 'four, of which three are needed');
  pass(2_000);
  deepEqual(back, ['one'], 'one is spared, the others are needed for what the first has');
  busy.streams = 12;
  pass(59_000);
  deepEqual(back, ['one']);
  pass(2_000);
  deepEqual(back, ['one', 'two'], 'never fewer than the least');
  pass(600_000);
  deepEqual(back, ['one', 'two']);
});
