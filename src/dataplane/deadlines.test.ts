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
