import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTurns, type TurnTools } from './turns.ts';

const locked = new Error('locked');

/** A door that is opened by hand: `pause` ends when somebody knocks. */
function bench(changes: Partial<TurnTools> = {}) {
  const state = { locked: false, time: 0, knock: Promise.withResolvers<void>() };
  const turns = createTurns({
    isBusy: (error) => error === locked,
    pause: () => state.knock.promise,
    now: () => state.time,
    busyMs: 100,
    jobsMax: 3,
    tooMany: () => new Error('too many'),
    ...changes,
  });
  const knock = async (): Promise<void> => {
    state.knock.resolve();
    state.knock = Promise.withResolvers();
    await new Promise(setImmediate);
  };
  const work =
    <Value>(value: Value) =>
    (): Value => {
      if (state.locked) throw locked;
      return value;
    };
  return { state, turns, knock, work };
}

describe('turns', () => {
  it('does a job at once when nobody waits', async () => {
    const { turns, work } = bench();
    const order: string[] = [];
    const done = turns.take(() => order.push('job'));
    order.push('after');
    await done;
    assert.deepEqual(order, ['job', 'after']);
    assert.equal(await turns.take(work(2)), 2);
  });

  it('keeps the order behind a job that finds the door locked', async () => {
    const { state, turns, knock, work } = bench();
    const order: number[] = [];
    state.locked = true;
    const all = [1, 2, 3].map((number) => turns.take(() => order.push(work(number)())));
    await knock();
    assert.equal(turns.waiting(), 3);
    state.locked = false;
    await knock();
    await Promise.all(all);
    assert.deepEqual(order, [1, 2, 3]);
    await turns.settled();
  });

  it('fails the job that waited too long, and goes on with the next', async () => {
    const { state, turns, knock, work } = bench();
    state.locked = true;
    const first = turns.take(work(1));
    state.time = 60;
    const second = turns.take(work(2));
    state.time = 100;
    const failed = assert.rejects(first, locked);
    await knock();
    await failed;
    state.locked = false;
    await knock();
    assert.equal(await second, 2);
  });

  it('refuses more than it can hold', async () => {
    const { state, turns, knock, work } = bench();
    state.locked = true;
    const kept = [1, 2, 3].map((number) => turns.take(work(number)));
    await assert.rejects(turns.take(work(4)), /too many/);
    state.locked = false;
    await knock();
    assert.deepEqual(await Promise.all(kept), [1, 2, 3]);
  });

  it('does a job that another asks for while it runs, after it', async () => {
    const { turns } = bench();
    const order: string[] = [];
    let inner: Promise<unknown> = Promise.resolve();
    await turns.take(() => {
      inner = turns.take(() => order.push('inner'));
      order.push('outer');
    });
    await inner;
    assert.deepEqual(order, ['outer', 'inner']);
  });
});
