import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from '../../../test/fuzz/chance.ts';
import { fault } from '../errors.ts';
import { Standing, type StandingRules } from './standing.ts';

const rules: StandingRules = { failsMax: 3, slowMs: 0 };
const refused = fault('upstream-refused', 'nobody listens');
const broken = fault('upstream-broken', 'it broke the connection');
const late = fault('upstream-timed-out', 'it did not answer');

test('goes after so many failures in a row, and one success in between begins anew', () => {
  const it = new Standing(rules, 0);
  assert.deepEqual([it.failed(broken, 1), it.failed(late, 2)], [false, false]);
  it.worked();
  assert.deepEqual([it.failed(broken, 4), it.failed(broken, 5), it.isUp], [false, false, true]);
  assert.equal(it.failed(broken, 6), true);
  assert.deepEqual([it.isUp, it.since, it.fault], [false, 6, broken]);
});

test('that nobody listens is believed at once', () => {
  const it = new Standing(rules, 0);
  assert.equal(it.failed(refused, 1), true);
  assert.equal(it.isUp, false);
});

test('going is news once, and the latest reason is shown', () => {
  const it = new Standing(rules, 0);
  it.failed(refused, 1);
  assert.equal(it.failed(late, 2), false);
  assert.deepEqual([it.since, it.fault], [1, late]);
});

test('a late answer brings nothing back, a check does', () => {
  const it = new Standing(rules, 0);
  it.failed(refused, 1);
  it.worked();
  assert.equal(it.isUp, false);
  assert.equal(it.passed(4_001), true);
  assert.deepEqual([it.isUp, it.since, it.fault], [true, 4_001, null]);
  assert.equal(it.passed(5_000), false, 'that is no news');
});

test('one that came back gets its share slowly, and never none', () => {
  const it = new Standing({ ...rules, slowMs: 10_000 }, 0);
  assert.equal(it.share(0), 1, 'at the start all are alike');
  it.failed(refused, 1_000);
  it.passed(5_000);
  assert.deepEqual([it.share(5_000), it.share(10_000), it.share(15_000), it.share(5_001)], [0.05, 0.5, 1, 1]);
});

test('whatever happened before, a backend that answers a check is up, and one that refuses is not', () => {
  const seed = 20_261_121;
  const chance = new Chance(seed);
  for (let round = 0; round < 500; round += 1) {
    const it = new Standing({ ...rules, failsMax: 1 + chance.number(4) }, 0);
    for (let at = 0; at < 60; at += 1) {
      const happened = chance.pick(['worked', 'passed', refused, broken, late] as const);
      const before = it.isUp;
      let told = false;
      if (happened === 'worked') it.worked();
      else told = happened === 'passed' ? it.passed(at) : it.failed(happened, at);
      assert.equal(told, before !== it.isUp, `seed ${seed}, round ${round}: every change is news, and nothing else`);
    }
    it.passed(100);
    assert.deepEqual([it.isUp, it.fault], [true, null], `seed ${seed}, round ${round}`);
    assert.equal(it.failed(refused, 101), true);
  }
});
