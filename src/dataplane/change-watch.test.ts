/** What counts as a change of this machine's place in the network. */

import { deepEqual } from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { it } from 'node:test';
import { ChangeWatch } from './change-watch.ts';

it('a watch tells of other addresses and of sleep, and of nothing else', (test) => {
  const told: string[] = [];
  const clock = { steady: 0, wall: 1_000_000 };
  const pass = (steady: number, wall = steady): void => {
    clock.steady += steady;
    clock.wall += wall;
    watch.look();
  };
  const at = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;
  let interfaces: Record<string, NetworkInterfaceInfo[]> = { lo: [at('127.0.0.1', true)], wlan: [at('192.0.2.7'), at('fe80::1')] };
  const watch = new ChangeWatch({
    changed: (what) => told.push(what),
    everyMs: 2_000,
    clocks: { steady: () => clock.steady, wall: () => clock.wall },
    interfaces: () => interfaces,
  });
  test.after(() => watch.close());
  pass(2_000);
  pass(4_000);
  // Another order, another address of the link only, another of this machine: the same place.
  interfaces = { wlan: [at('fe80::2'), at('192.0.2.7')], lo: [at('127.0.0.2', true)] };
  pass(2_000);
  deepEqual(told, []);
  interfaces = { wlan: [at('198.51.100.3')] };
  pass(2_000);
  pass(2_000);
  deepEqual(told, ['addresses']);
  interfaces = {};
  pass(2_000);
  deepEqual(told, ['addresses', 'addresses']);
  // A steady clock that slept with the machine, and one that did not.
  pass(2_000, 60_000);
  pass(60_000);
  pass(2_000);
  deepEqual(told, ['addresses', 'addresses', 'slept', 'slept']);
});
