/** How guesses are counted and how long one waits. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Attempts } from './attempts.ts';

const rules = { guessesMax: 5, windowMs: 120_000, waitMs: 60_000, waitMsMax: 3_600_000, keysMax: 100 };
const guess = (attempts: Attempts, now: number, times: number): readonly number[] =>
  Array.from({ length: times }, () => attempts.take('ana 192.0.2.7', now));

describe('attempts', () => {
  test('brute force: five guesses, then a wait that doubles each time', () => {
    const attempts = new Attempts(rules);
    assert.deepEqual(guess(attempts, 0, 7), [0, 0, 0, 0, 0, 60_000, 60_000]);
    assert.deepEqual(guess(attempts, 60_000, 6), [0, 0, 0, 0, 0, 120_000]);
    assert.deepEqual(guess(attempts, 180_000, 6), [0, 0, 0, 0, 0, 240_000]);
  });

  test('asking while one waits makes the wait no longer, and no shorter', () => {
    const attempts = new Attempts(rules);
    guess(attempts, 0, 6);
    assert.equal(attempts.take('ana 192.0.2.7', 30_000), 30_000);
    assert.equal(attempts.take('ana 192.0.2.7', 59_999), 1);
    assert.equal(attempts.take('ana 192.0.2.7', 60_000), 0);
  });

  test('the wait has an end, and long quiet forgives', () => {
    const attempts = new Attempts(rules);
    let now = 0;
    for (let round = 0; round < 12; round += 1) now += Math.max(...guess(attempts, now, 6));
    assert.equal(Math.max(...guess(attempts, now, 6)), 3_600_000);
    now += 8_000_000;
    assert.equal(Math.max(...guess(attempts, now, 6)), 60_000);
  });

  test('guesses outside the window do not add up', () => {
    const attempts = new Attempts(rules);
    for (let now = 0; now < 3_000_000; now += 30_001) assert.equal(attempts.take('ana', now), 0);
  });

  test('a right guess is not counted', () => {
    const attempts = new Attempts(rules);
    for (let round = 0; round < 100; round += 1) {
      assert.equal(attempts.take('net', 0), 0);
      attempts.forgive('net', false);
    }
    guess(attempts, 0, 5);
    attempts.forgive('ana 192.0.2.7', true);
    assert.deepEqual(guess(attempts, 0, 6), [0, 0, 0, 0, 0, 60_000]);
  });

  test('memory is bounded: the quietest key is forgotten', () => {
    const attempts = new Attempts(rules);
    for (let at = 0; at < 10_000; at += 1) attempts.take(`user${at}`, at);
    assert.equal(attempts.size, 100);
  });

  test('prototype names are keys like any other', () => {
    const attempts = new Attempts(rules);
    for (const key of ['__proto__', 'constructor', 'toString']) assert.equal(attempts.take(key, 0), 0);
  });
});
