/** What a hostile peer on a carrier may cost: memory that it does not read, streams that it drops. */

import { equal, ok } from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { raw } from '../../test/mux/pair.ts';
import { encodeOpening } from '../core/mux/opening.ts';
import type { Code } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import { Carrier } from './carrier.ts';

const turns = async (count: number): Promise<void> => {
  for (let left = count; left > 0; left--) await new Promise((resolve) => void setImmediate(resolve));
};
const hello = (type: 'hello' | 'accepted'): Uint8Array => raw(type, 0, Buffer.from('{}'));
const opening = encodeOpening({ id: 'x', ip: '192.0.2.1', visitorPort: 1, listenerPort: 443, sni: 'a.example', alpn: [] });

/** One end of a carrier as we are, and the bare line on which the test is the other end. */
function end(side: 'relay' | 'gateway') {
  const [ours, line] = duplexPair();
  const state: { now: number; ended: Code | null; opened: number } = { now: 0, ended: null, opened: 0 };
  const carrier: Carrier = new Carrier({
    socket: ours,
    side,
    limits: defaults,
    clocks: { steady: () => state.now, wall: () => 0 },
    taker: {
      message: () => carrier.begin({ window: 65_536, streams: 1_000 }),
      open: () => void (state.opened += 1),
      goaway: () => undefined,
      end: (why) => void (state.ended = why.code),
    },
  });
  return { ours, line, state };
}

const written = (stream: Duplex): number => stream.writableLength;

describe('a carrier', () => {
  it('mux memory: a peer that pings and never reads is cut before its answers pile up', async () => {
    const { ours, line, state } = end('relay');
    line.write(hello('hello'));
    await turns(2);
    const ping = raw('ping', 0, new Uint8Array(8));
    let most = 0;
    for (let second = 0; second < 60 && state.ended === null; second += 1) {
      state.now += 1_000;
      line.write(Buffer.concat(Array.from({ length: 1_900 }, () => ping)));
      await turns(6);
      most = Math.max(most, written(ours));
    }
    equal(state.ended, 'carrier-broken');
    ok(most < 1_048_576, `${most} bytes wait for a peer that does not read`);
  });

  it('rapid reset: a relay that opens and drops streams faster than one may open them is cut', async () => {
    const { line, state } = end('gateway');
    line.resume();
    line.write(hello('accepted'));
    await turns(2);
    let id = 1;
    for (let round = 0; round < 20 && state.ended === null; round += 1) {
      const frames: Uint8Array[] = [];
      for (let count = 0; count < 200; count += 1, id += 2) frames.push(raw('open', id, opening), raw('reset', id, new Uint8Array([0])));
      state.now += 10;
      line.write(Buffer.concat(frames));
      await turns(4);
    }
    equal(state.ended, 'frames-exceeded');
    ok(state.opened <= defaults.controlFramesPerSecondMax);
  });

  it('bears the openings of an honest relay at its fastest, for ten seconds', async () => {
    const { line, state } = end('gateway');
    line.resume();
    line.write(hello('accepted'));
    await turns(2);
    let id = 1;
    for (let round = 0; round < 100; round += 1) {
      const frames: Uint8Array[] = [];
      for (let count = 0; count < 100; count += 1, id += 2) frames.push(raw('open', id, opening), raw('reset', id, new Uint8Array([0])));
      state.now += 100;
      line.write(Buffer.concat(frames));
      await turns(2);
    }
    equal(state.ended, null);
    equal(state.opened, 10_000);
  });
});
