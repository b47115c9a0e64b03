/** What a live gateway is told, and how often. */

import { deepEqual, equal } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Carrier } from './carrier.ts';
import { LiveGateway, type LiveCarrier } from './live-gateway.ts';

function carrierThatHears(heard: unknown[], shares: boolean, probe = () => Promise.resolve(true)): LiveCarrier {
  const carrier = {
    ended: false,
    suspended: false,
    streams: 0,
    probe,
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

it('a gateway is asked whether it lives once a hello is unanswered for `standbyDoubtMs`, whatever was answered shortly before', async () => {
  const limits = { standbyDoubtMs: 500, carrierProbeMs: 0 };
  const asked: number[] = [];
  const probe = (): Promise<boolean> => Promise.resolve(asked.push(performance.now()) > 0);
  const gateway = new LiveGateway('a'.repeat(64), 'one');
  gateway.add(carrierThatHears([], true, probe));
  const [first, second] = [new PassThrough(), new PassThrough()];
  gateway.watch(first, limits);
  first.write('an answer');
  await pause(100);
  gateway.watch(second, limits);
  // In the order of their times, however late they come.
  await pause(750);
  equal(asked.length, 1);
  await pause(750);
  equal(asked.length >= 2, true, 'it lives and has not answered: it is asked again');
  second.destroy();
  await pause(0);
  const times = asked.length;
  await pause(750);
  equal(asked.length, times);
});
