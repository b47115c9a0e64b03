import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from '../../../test/fuzz/chance.ts';
import { byKey, byLoad, byTurns, type Candidate } from './choice.ts';

type Each = Candidate & { id: string; weight: number; live: number };

const seed = 20_261_121;

function backends(weights: readonly number[]): Each[] {
  return weights.map((weight, at) => ({ id: `http://10.0.0.${at}:80`, weight, live: 0, credit: 0 }));
}

function someWeights(chance: Chance): number[] {
  return Array.from({ length: 1 + chance.number(8) }, () => 1 + chance.number(12));
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

test('by turns each gets exactly its weight in every round, and is never left out for longer than one', () => {
  const chance = new Chance(seed);
  for (let round = 0; round < 200; round += 1) {
    const all = backends(someWeights(chance));
    const sum = sumOf(all.map(({ weight }) => weight));
    for (let again = 0; again < 3; again += 1) {
      const counts = new Map<Each, number>();
      for (let turn = 0; turn < sum; turn += 1) {
        const chosen = byTurns(all);
        if (chosen !== null) counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
      }
      for (const each of all) assert.equal(counts.get(each), each.weight, `seed ${seed}, round ${round}`);
    }
  }
});

test('by turns a heavy one is spread over the round', () => {
  const all = backends([5, 1, 1]);
  const order = Array.from({ length: 7 }, () => byTurns(all)?.weight);
  assert.deepEqual(order, [5, 5, 1, 5, 1, 5, 5]);
});

test('by turns those that stay share alike when others come and go', () => {
  const chance = new Chance(seed);
  const all = backends([2, 2, 2, 2]);
  const counts = new Map<Each, number>();
  for (let turn = 0; turn < 8_000; turn += 1) {
    const present = all.filter(() => !chance.once(4));
    const chosen = byTurns(present);
    if (chosen !== null) counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
  }
  for (const each of all) assert.ok(Math.abs((counts.get(each) ?? 0) - 2_000) < 200, `seed ${seed}: ${[...counts.values()].join(' ')}`);
});

test('by load nobody is chosen who has more to do than another would have, whoever ends first', () => {
  const chance = new Chance(seed);
  for (let round = 0; round < 100; round += 1) {
    const all = backends(someWeights(chance));
    for (let step = 0; step < 200; step += 1) {
      const chosen = byLoad(all);
      assert.ok(chosen !== null);
      chosen.live += 1;
      for (const each of all)
        assert.ok(chosen.live / chosen.weight <= (each.live + 1) / each.weight, `seed ${seed}, round ${round}, step ${step}`);
      const leaver = chance.pick(all);
      if (chance.once(2) && leaver.live > 0) leaver.live -= 1;
    }
  }
});

test('by load the idle take turns', () => {
  const all = backends([1, 1, 1]);
  assert.deepEqual(
    new Set(Array.from({ length: 3 }, () => byLoad(all))),
    new Set(all),
    'three exchanges, one after the other, reach three backends',
  );
});

test('by key the same one is found again, and the weights hold', () => {
  const all = backends([1, 3, 6]);
  const counts = [0, 0, 0];
  for (let key = 0; key < 20_000; key += 1) {
    const chosen = byKey(all, `192.0.2.${key}`);
    assert.equal(byKey([...all].toReversed(), `192.0.2.${key}`), chosen, 'the order of the list says nothing');
    const at = all.findIndex((each) => each === chosen);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  const wanted = [2_000, 6_000, 12_000];
  for (const [at, count] of counts.entries()) assert.ok(Math.abs(count - (wanted[at] ?? 0)) < 400, counts.join(' '));
});

test('by key only those move whose backend went, and they come back with it', () => {
  const all = backends([2, 2, 2, 2, 2]);
  const gone = all[2];
  const rest = all.filter((each) => each !== gone);
  let moved = 0;
  for (let key = 0; key < 5_000; key += 1) {
    const before = byKey(all, `k${key}`);
    const after = byKey(rest, `k${key}`);
    if (before === gone) moved += 1;
    else assert.equal(after, before);
  }
  assert.ok(Math.abs(moved - 1_000) < 150, `${moved} of 5000 moved`);
});

test('of nobody nobody is chosen', () => {
  assert.equal(byTurns([]), null);
  assert.equal(byLoad([]), null);
  assert.equal(byKey([], 'x'), null);
});
