import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore } from '../modules/stores/memory.ts';
import { Switches } from './switches.ts';

test('what was closed stays closed for the next process, until it is opened', async () => {
  const store = createMemoryStore({ now: () => 5 });
  const first = await Switches.read({ store, now: () => 5 });
  assert.ok(first.isOpen('web'));
  await first.turn('web', false);
  assert.ok(!first.isOpen('web'));
  const second = await Switches.read({ store, now: () => 6 });
  assert.deepEqual([second.isOpen('web'), second.isOpen('other')], [false, true]);
  await second.turn('web', true);
  assert.ok((await Switches.read({ store, now: () => 7 })).isOpen('web'));
});

test('maintenance is open with a text, and outlives the process as well', async () => {
  const store = createMemoryStore({ now: () => 5 });
  const first = await Switches.read({ store, now: () => 5 });
  await first.turn('web', false, 'Back at noon');
  assert.deepEqual([first.isOpen('web'), first.pausedBy('web')], [true, 'Back at noon']);
  const second = await Switches.read({ store, now: () => 6 });
  assert.deepEqual([second.isOpen('web'), second.pausedBy('web')], [true, 'Back at noon']);
  await second.turn('web', false);
  assert.deepEqual([second.isOpen('web'), second.pausedBy('web')], [false, null]);
  await second.turn('web', true);
  assert.deepEqual([second.isOpen('web'), second.pausedBy('web')], [true, null]);
  // A record that says nothing we know keeps it closed.
  await store.records.put('switch/odd', { pause: 7 });
  assert.equal((await Switches.read({ store, now: () => 7 })).isOpen('odd'), false);
});

test('it is turned before it is remembered, and also when it cannot be', async () => {
  const store = createMemoryStore({ now: () => 5 });
  const switches = await Switches.read({ store, now: () => 5 });
  await store.close();
  await assert.rejects(switches.turn('web', false), { code: 'store-unavailable' });
  assert.ok(!switches.isOpen('web'));
});

test('a share that ends with its command remembers nothing', async () => {
  const switches = await Switches.read({ store: null, now: () => 5 });
  await switches.turn('web', false);
  assert.ok(!switches.isOpen('web'));
});

test('the time since it stood open begins once', async () => {
  let now = 10;
  const switches = await Switches.read({ store: null, now: () => now });
  assert.equal(switches.openedAt('web'), 10);
  now = 20;
  assert.deepEqual([switches.openedAt('web'), switches.openedAt('other')], [10, 20]);
});
