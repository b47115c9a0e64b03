/** What keeps a carrier, and what ends it: heartbeats, sleeps, and a peer that does not read. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { line, opened, pour } from '../../test/mux/line.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

async function until(what: () => boolean): Promise<void> {
  while (!what()) await pause(10);
}

describe('the heartbeats of a carrier', () => {
  it('measure the round trip on both sides before the first stream', async () => {
    using ends = await line({ delayMs: 20 });
    await until(() => ends.relay.roundTripMs !== null && ends.gateway.roundTripMs !== null);
    ok((ends.relay.roundTripMs ?? 0) >= 38);
    ok((ends.gateway.roundTripMs ?? 0) >= 38);
  });

  it('cost less than 1 MB an hour on a carrier that is idle', async (test) => {
    // The same pattern twenty times as fast: ping after a third of the limit.
    using ends = await line({ delayMs: 1, limits: { carrierIdleMs: 1_500 } });
    await until(() => ends.relay.roundTripMs !== null && ends.gateway.roundTripMs !== null);
    const before = { bytes: ends.way?.bytes ?? 0, segments: ends.way?.pieces ?? 0, at: performance.now() };
    await pause(4_500);
    const limits = (performance.now() - before.at) / 1_500;
    // Of what a segment costs beside its bytes: 40 of IPv6, 32 of TCP, and as much again for its acknowledgement.
    const segments = (ends.way?.pieces ?? 0) - before.segments;
    const perHour = (((ends.way?.bytes ?? 0) - before.bytes + segments * 144) / limits) * 120;
    test.diagnostic(`${Math.round(perHour / 1_000)} kB an hour, TLS, TCP and IP included`);
    deepEqual(ends.ended, []);
    ok(perHour > 0 && perHour < 1_000_000);
  });

  it('find a peer that is gone without a word within the limit, on both sides', async () => {
    using ends = await line({ delayMs: 1, limits: { carrierIdleMs: 600 } });
    const at = performance.now();
    ends.way?.cut();
    await until(() => ends.ended.length === 2);
    deepEqual(
      ends.ended.map((why) => why.code),
      ['carrier-idle', 'carrier-idle'],
    );
    ok(performance.now() - at > 300);
  });
});

describe('a sleep', () => {
  it('is answered by one that lives, and the carrier stays', async () => {
    const wall = { at: 0 };
    using ends = await line({
      limits: { carrierIdleMs: 1_500, carrierProbeMs: 3_000 },
      clocks: { steady: () => performance.now(), wall: () => wall.at },
    });
    for (let count = 0; count < 5; count++) {
      wall.at += 3_600_000;
      await pause(200);
    }
    deepEqual(ends.ended, []);
  });

  it('ends a carrier whose other side is gone long before its limit', async () => {
    const wall = { at: 0 };
    using ends = await line({
      delayMs: 1,
      limits: { carrierIdleMs: 60_000, carrierProbeMs: 200 },
      clocks: { steady: () => performance.now(), wall: () => wall.at },
    });
    await until(() => ends.relay.roundTripMs !== null && ends.gateway.roundTripMs !== null);
    ends.way?.cut();
    const at = performance.now();
    wall.at += 3_600_000;
    await until(() => ends.ended.length === 2);
    ok(performance.now() - at < 30_000);
    equal(ends.ended[0]?.why, 'no answer after the clock jumped');
  });
});

describe('a peer that does not read', () => {
  it('is read all the same: what waits to be written blocks no reader', async () => {
    let heard = 0;
    using ends = await line({
      delayMs: 1,
      open: (stream) => {
        stream.on('data', (bytes: Buffer) => (heard += bytes.length));
        if (stream.id === 1) pour(stream, Number.MAX_SAFE_INTEGER);
      },
    });
    // The relay reads nothing more: the gateway’s socket fills, and still takes what the relay sends.
    opened(ends.relay).write('x');
    await until(() => heard === 1);
    ends.way?.stall();
    await pause(300);
    const stream = opened(ends.relay);
    stream.end(Buffer.alloc(20_000));
    await until(() => heard === 20_001);
    equal(ends.ended.length, 0);
    stream.destroy();
    await once(stream, 'close');
  });
});
