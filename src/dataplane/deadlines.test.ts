import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadlines } from './deadlines.ts';

test('a deadline that moved on does not expire, and one that came does', () => {
  let now = 0;
  const deadlines = createDeadlines(() => now);
  const expired: string[] = [];
  const moving = { at: 10, expire: () => void expired.push('moving') };
  const still = { at: 10, expire: () => void expired.push('still') };
  const never = { at: Infinity, expire: () => void expired.push('never') };
  for (const each of [moving, still, never]) deadlines.add(each);
  moving.at = 30;
  now = 20;
  deadlines.look();
  assert.deepEqual(expired, ['still']);
});

test('a deadline that was taken out is not looked at, even while others expire', () => {
  const deadlines = createDeadlines(() => 100);
  const second = { at: 1, expire: () => assert.fail('it was taken out') };
  deadlines.add({ at: 1, expire: () => deadlines.delete(second) });
  deadlines.add(second);
  deadlines.look();
});

test('slowloris: thousands that end together leave turns for others in between, and each ends once', async () => {
  let [now, turns] = [0, 0];
  const deadlines = createDeadlines(() => now);
  const most = { expired: 0, inTurn: 0, turn: -1, atOnce: 0 };
  const moved = { at: 1, expire: () => assert.fail('it moved on in between') };
  const last = Promise.withResolvers<void>();
  for (let each = 0; each < 2_500; each += 1) {
    const deadline = {
      at: 1,
      expire: () => {
        deadlines.delete(deadline);
        most.inTurn = most.turn === turns ? most.inTurn + 1 : 1;
        most.turn = turns;
        most.atOnce = Math.max(most.atOnce, most.inTurn);
        if ((most.expired += 1) === 2_500) last.resolve();
      },
    };
    deadlines.add(deadline);
  }
  deadlines.add(moved);
  const other = (): void => {
    turns += 1;
    if (most.expired < 2_500) setImmediate(other);
  };
  now = 10;
  deadlines.look();
  moved.at = Infinity;
  deadlines.look();
  other();
  await last.promise;
  assert.equal(most.expired, 2_500);
  assert.ok(most.atOnce <= 200, `${most.atOnce} at once`);
});
