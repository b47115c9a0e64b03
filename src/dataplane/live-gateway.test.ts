/** What a live gateway is told, and how often. */

import { deepEqual } from 'node:assert/strict';
import { it } from 'node:test';
import type { Carrier } from './carrier.ts';
import { LiveGateway, type LiveCarrier } from './live-gateway.ts';

function carrierThatHears(heard: unknown[], shares: boolean): LiveCarrier {
  const carrier = {
    ended: false,
    suspended: false,
    streams: 0,
    probe: () => Promise.resolve(true),
    message: (_type: string, value: unknown) => void heard.push(value),
  };
  const offer = { shares, store: null };
  return { fingerprint: 'a'.repeat(64), instance: 'one', from: '192.0.2.1', since: 0, offer, carrier: carrier as unknown as Carrier };
}

it('a gateway is asked to register again once for each news, however many visitors bring it, and not where it would not understand', () => {
  const [heard, unheard]: [unknown[], unknown[]] = [[], []];
  const gateway = new LiveGateway('a'.repeat(64), 'one');
  for (const live of [carrierThatHears(unheard, false), carrierThatHears(heard, true), carrierThatHears(heard, true)]) {
    gateway.add(live);
    gateway.stand(live, 0);
  }
  const nudge = { ask: null, answers: [] };
  for (let each = 0; each < 100; each += 1) gateway.tell('crowded', 'blog.example.org');
  deepEqual(heard, [nudge]);
  gateway.tell('failing', 'blog.example.org');
  gateway.told('crowded', 'blog.example.org', true);
  gateway.tell('crowded', 'blog.example.org');
  deepEqual(heard, [nudge, nudge]);
  gateway.told('crowded', 'blog.example.org', false);
  gateway.tell('crowded', 'blog.example.org');
  deepEqual(heard, [nudge, nudge, nudge]);
  deepEqual(unheard, []);
});
