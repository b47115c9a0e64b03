/** The test that judges timing, against numbers that are known. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from '../test/fuzz/chance.ts';
import { mannWhitney } from './mann-whitney.ts';

const normal = (seed: number, shift: number): readonly number[] => {
  const chance = new Chance(seed);
  return Array.from(
    { length: 2_000 },
    () => shift + Array.from({ length: 12 }, () => chance.number(1_000)).reduce((sum, each) => sum + each),
  );
};

test('p is that of other programs: scipy.stats.mannwhitneyu, asymptotic with continuity', () => {
  assert.equal(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]).toFixed(4), '0.0122');
  assert.equal(mannWhitney([1, 2, 3], [1, 2, 3]).toFixed(4), '1.0000');
  assert.equal(mannWhitney([5, 5, 5], [5, 5, 5]), 1);
});

test('tells a shift of a tenth of a deviation, and none where there is none', () => {
  assert.ok(mannWhitney(normal(1, 0), normal(2, 100)) < 0.01);
  assert.ok(mannWhitney(normal(1, 0), normal(2, 0)) > 0.01);
});
