import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askAgainMs, momentIn, renewAt, retryMs } from './schedule.ts';

const day = 86_400_000;

test('a certificate is renewed with a third of its life left, a short one with half, and never together', () => {
  assert.equal(renewAt({ notBefore: 0, notAfter: 90 * day }, 0), 60 * day);
  assert.equal(renewAt({ notBefore: 0, notAfter: 6 * day }, 0), 3 * day);
  const late = renewAt({ notBefore: 0, notAfter: 90 * day }, 0.999);
  assert.ok(late < 60 * day && late > 55 * day);
});

test('a moment lies in its window, and the window is asked for again within bounds', () => {
  assert.equal(momentIn({ start: 100, end: 200 }, 0), 100);
  assert.equal(momentIn({ start: 100, end: 200 }, 0.5), 150);
  assert.deepEqual([null, 0, 7_200_000, 1e15].map(askAgainMs), [6 * 3_600_000, 60_000, 7_200_000, day]);
});

test('rate limits: waits double up to a day, keep to what the authority wants, and that has an end too', () => {
  const bounds = { firstMs: 60_000, mostMs: day };
  const waits = [1, 2, 3, 50].map((failures) => retryMs(failures, bounds, 0.5, null));
  assert.deepEqual(waits, [60_000, 120_000, 240_000, day]);
  assert.equal(retryMs(1, bounds, 0.5, 3_600_000), 3_600_000);
  assert.equal(retryMs(1, bounds, 0.5, 1e15), 7 * day);
});
