/** How spans of time are read and said. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationWords, parseDuration } from './duration.ts';

test('reads what people write', () => {
  const cases: Readonly<Record<string, number | 'never'>> = {
    '2h': 7_200_000,
    '30m': 1_800_000,
    '10min': 600_000,
    '90s': 90_000,
    '1h30m': 5_400_000,
    '7d': 604_800_000,
    '2w': 1_209_600_000,
    never: 'never',
  };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text);
});

test('refuses what has no unit, no meaning or no end', () => {
  for (const text of ['', '2', '0s', '-2h', '2 h', 'h', '2H', '30m2h', '2h2h', '1e3s', '999999999w', 'Never', 'forever', '2h ', '١h']) {
    assert.equal(parseDuration(text), null, text);
  }
});

test('says what is left in two units at most', () => {
  assert.equal(durationWords(-5), '0 s');
  assert.equal(durationWords(59_999), '59 s');
  assert.equal(durationWords(60_000), '1 min');
  assert.equal(durationWords(7_200_000), '2 h');
  assert.equal(durationWords(28_799_000), '8 h');
  assert.equal(durationWords(28_740_000), '7 h 59 min');
  assert.equal(durationWords(172_800_000), '2 d');
  assert.equal(durationWords(180_000_000), '2 d 2 h');
});
