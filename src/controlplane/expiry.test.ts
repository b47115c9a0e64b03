import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Expiry } from './expiry.ts';

function setUp(): { expiry: Expiry; told: string[][]; pass: (ms: number) => void } {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const told: string[][] = [];
  const expiry = new Expiry({ now: () => now, expired: (names) => void told.push([...names]) });
  const pass = (ms: number): void => {
    now += ms;
    mock.timers.tick(ms);
  };
  return { expiry, told, pass };
}

test('says once that a service’s time is over, at its moment', () => {
  const { expiry, told, pass } = setUp();
  expiry.watch([
    { name: 'short', expires: 1_000, open: true },
    { name: 'long', expires: 2_000, open: true },
    { name: 'ever', expires: null, open: true },
  ]);
  pass(999);
  assert.deepEqual(told, []);
  pass(1);
  assert.deepEqual(told, [['short']]);
  pass(5_000);
  assert.deepEqual(told, [['short'], ['long']]);
});

test('a service that was over before it was watched is said at once, and not again with the next configuration', () => {
  const { expiry, told } = setUp();
  const services = [{ name: 'old', expires: 0, open: true }];
  expiry.watch(services);
  expiry.watch(services);
  assert.deepEqual(told, [['old']]);
});

test('an end beyond what a timer holds is waited for in steps', () => {
  const { expiry, told, pass } = setUp();
  expiry.watch([{ name: 'far', expires: 5_000_000_000, open: true }]);
  pass(2_000_000_000);
  pass(2_000_000_000);
  assert.deepEqual(told, []);
  pass(1_000_000_000);
  assert.deepEqual(told, [['far']]);
});

test('a time that was made longer is waited for anew', () => {
  const { expiry, told, pass } = setUp();
  expiry.watch([{ name: 'web', expires: 1_000, open: true }]);
  expiry.watch([{ name: 'web', expires: 3_000, open: true }]);
  pass(1_500);
  assert.deepEqual(told, []);
  expiry.close();
  pass(5_000);
  assert.deepEqual(told, []);
});
