/** How often somebody may come: bursts, refills, clocks, memory. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Allowance } from './allowance.ts';

const minute = { count: 120, perMs: 60_000 };

describe('allowance', () => {
  test('gives as many at once as the quota says, then one each time that one has come back', () => {
    const allowance = new Allowance(10);
    for (let at = 0; at < 120; at += 1) assert.equal(allowance.take('a', minute, 1_000), 0, String(at));
    assert.equal(allowance.take('a', minute, 1_000), 500);
    assert.equal(allowance.take('a', minute, 1_499), 1);
    assert.equal(allowance.take('a', minute, 1_500), 0);
    assert.equal(allowance.take('a', minute, 1_500), 500);
  });

  test('keys do not share, and who waits a whole period has all again', () => {
    const allowance = new Allowance(10);
    for (let at = 0; at < 120; at += 1) allowance.take('a', minute, 0);
    assert.equal(allowance.take('b', minute, 0), 0);
    for (let at = 0; at < 120; at += 1) assert.equal(allowance.take('a', minute, 60_000), 0);
    assert.equal(allowance.take('a', minute, 60_000), 500);
  });

  test('counts exactly where the period is no multiple of the count', () => {
    for (const count of [1, 3, 7, 49, 1_000, 100_000]) {
      const allowance = new Allowance(10);
      let taken = 0;
      while (allowance.take('a', { count, perMs: 1_000 }, 5) === 0) taken += 1;
      assert.equal(taken, count);
    }
  });

  test('clock: one that is set back locks nobody out for longer than a period', () => {
    const allowance = new Allowance(10);
    for (let at = 0; at < 120; at += 1) allowance.take('a', minute, 3_600_000_000);
    assert.equal(allowance.take('a', minute, 0), 500);
    assert.equal(allowance.take('a', minute, 500), 0);
    assert.equal(allowance.take('a', minute, 500), 500);
  });

  test('resource exhaustion: a flood of keys is forgotten, the quietest first', () => {
    const allowance = new Allowance(100);
    const one = { count: 1, perMs: 60_000 };
    for (let at = 0; at < 10_000; at += 1) allowance.take(`key${at}`, one, at);
    assert.equal(allowance.size, 100);
    assert.notEqual(allowance.take('key9999', one, 10_000), 0);
    assert.equal(allowance.take('key0', one, 10_000), 0);
  });
});
