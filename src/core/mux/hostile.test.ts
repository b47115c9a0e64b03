/** What a hostile peer may try on a carrier: each attack has a name, a code and an end. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deliver, faultOf, opening, pair, raw, wire } from '../../../test/mux/pair.ts';
import { defaults } from '../limits.ts';
import { encodeOpening } from './opening.ts';
import { MuxSession } from './session.ts';

const four = (value: number): Uint8Array => new Uint8Array([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
const open = (id: number): Uint8Array => raw('open', id, encodeOpening(opening));
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe('mux memory', () => {
  it('refuses a frame by the length in its header, before a byte of it is kept', () => {
    for (const length of [65_537, 0x0100_0000, 0xffff_ffff]) {
      const { relay, gateway } = pair();
      relay.open(opening, 0);
      deliver(gateway, wire(relay));
      const header = raw('data', 1);
      header.set(four(length), 8);
      equal(faultOf(deliver(gateway, header)), 'frame-too-long');
    }
  });

  it('refuses data beyond the credit on its header', () => {
    const { relay, gateway } = pair();
    relay.open(opening, 0);
    deliver(gateway, wire(relay));
    const whole = raw('data', 1, new Uint8Array(gateway.ours.window));
    equal(faultOf(deliver(gateway, whole)), null);
    const header = raw('data', 1, new Uint8Array(1)).subarray(0, 12);
    equal(faultOf(deliver(gateway, header)), 'window-exceeded');
  });

  it('refuses data with the opening’s turn that exceeds the first window', () => {
    const { gateway } = pair();
    equal(
      faultOf(deliver(gateway, joined(open(1), raw('data', 1, new Uint8Array(gateway.ours.window)), raw('data', 1, new Uint8Array(1))))),
      'window-exceeded',
    );
  });

  it('refuses credit whose sum passes the largest window, at the edge of 32 bits too', () => {
    for (const credit of [0xffff_ffff, 0x8000_0000, 16_777_216]) {
      const { relay, gateway } = pair();
      relay.open(opening, 0);
      deliver(gateway, wire(relay));
      equal(faultOf(deliver(relay, raw('window', 1, four(credit)))), 'window-exceeded');
    }
  });

  it('answers 10,000 opens with 1,000 streams and then an end', () => {
    const { gateway } = pair();
    let faulted: string | null = null;
    for (let id = 1; id < 20_000 && faulted === null; id += 2) faulted = faultOf(deliver(gateway, open(id)));
    equal(faulted, 'frames-exceeded');
    equal(gateway.streams, 0, 'all are gone with their carrier');
  });

  it('resets, and does not end for, an open too many', () => {
    const { gateway } = pair({ carrierStreamsMax: 2 });
    const events = deliver(gateway, joined(open(1), open(3), open(5)));
    deepEqual(
      events.map((event) => event.is),
      ['open', 'open'],
    );
    deepEqual([...wire(gateway)], [...raw('reset', 5, new Uint8Array([2]))]);
  });

  it('keeps counting a stream whose reader has not drained it, so that fins do not make room', () => {
    const { gateway } = pair({ carrierStreamsMax: 2 });
    for (const id of [1, 3]) {
      deliver(gateway, joined(open(id), raw('data', id, new Uint8Array(1_000)), raw('fin', id)));
      gateway.finish(id);
      wire(gateway);
    }
    equal(gateway.streams, 2);
    equal(deliver(gateway, open(5)).length, 0);
  });

  it('lets one stuck stream stop no other', () => {
    const { relay, gateway } = pair();
    deliver(gateway, joined(open(1), open(3)));
    relay.open(opening, 0);
    deliver(gateway, raw('data', 1, new Uint8Array(gateway.ours.window)));
    const events = deliver(gateway, raw('data', 3, new Uint8Array(100)));
    equal(events[0]?.is, 'data');
  });

  it('gives up on a peer that asks and never reads', () => {
    const { gateway } = pair({ controlFramesPerSecondMax: 1_000_000 });
    let faulted: string | null = null;
    for (let count = 0; count < 10_000 && faulted === null; count++) faulted = faultOf(deliver(gateway, raw('ping', 0, new Uint8Array(8))));
    equal(faulted, 'carrier-broken');
  });
});

describe('mux floods', () => {
  const flood = (name: string, frame: (count: number) => Uint8Array, prepare: Uint8Array = new Uint8Array(0)): void => {
    it(`cuts a flood of ${name}, and bears the same number over time`, () => {
      const one = pair();
      equal(faultOf(deliver(one.gateway, prepare)), null);
      let faulted: string | null = null;
      for (let count = 0; count < 20_000 && faulted === null; count++) faulted = faultOf(deliver(one.gateway, frame(count), 1 << 20, 5));
      equal(faulted, 'frames-exceeded');

      const other = pair();
      deliver(other.gateway, prepare);
      for (let count = 0; count < 5_000; count++) {
        equal(faultOf(deliver(other.gateway, frame(count), 1 << 20, count)), null);
        wire(other.gateway);
      }
    });
  };
  flood('pings', () => raw('ping', 0, new Uint8Array(8)));
  flood('registrations', () => raw('register', 0, new Uint8Array(Buffer.from('{}'))));
  flood('rapid resets', (count) => joined(open(2 * count + 1), raw('reset', 2 * count + 1, new Uint8Array([1]))));
  flood('recalls', () => raw('recall', 1, four(1)), open(1));
  flood('crumbs of credit', () => raw('window', 1, four(1)), open(1));
  flood('frames for a stream that is gone', () => raw('window', 1, four(2_000)), joined(open(1), raw('reset', 1, new Uint8Array([1]))));

  it('refuses empty data at once', () => {
    const { gateway } = pair();
    equal(faultOf(deliver(gateway, joined(open(1), raw('data', 1)))), 'frame-malformed');
  });
});

describe('mux rules', () => {
  const refused = (name: string, frames: Uint8Array, code: string, to: 'relay' | 'gateway' = 'gateway'): void => {
    it(`refuses ${name}`, () => {
      const both = pair();
      equal(faultOf(deliver(both[to], frames)), code);
      equal(faultOf(deliver(both[to], frames)), null, 'and reads nothing more');
      equal(wire(both[to])[1], 0x22, 'but says goodbye');
    });
  };
  refused('a carrier that speaks HTTP, by its first byte', new Uint8Array(Buffer.from('G')), 'frame-malformed');
  refused('an unknown type', joined(new Uint8Array([1, 0x7f, 0, 0]), new Uint8Array(8)), 'frame-malformed');
  refused('reserved bits', joined(new Uint8Array([1, 0x20, 0, 1]), new Uint8Array(16)), 'frame-malformed');
  refused('a ping on a stream', raw('ping', 1, new Uint8Array(8)), 'frame-malformed');
  refused('data on stream 0', raw('data', 0, new Uint8Array(1)), 'frame-malformed');
  refused('an even id', open(2), 'frame-malformed');
  refused('an id used again', joined(open(1), open(1)), 'frame-malformed');
  refused('an id below the last', joined(open(5), open(3)), 'frame-malformed');
  refused('data on a stream that never was', raw('data', 7, new Uint8Array(1)), 'stream-unknown');
  refused('a reset of a stream that never was', raw('reset', 7, new Uint8Array(1)), 'stream-unknown');
  refused('data behind a fin', joined(open(1), raw('fin', 1), raw('data', 1, new Uint8Array(1))), 'frame-malformed');
  refused('a second fin', joined(open(1), raw('fin', 1), raw('fin', 1)), 'frame-malformed');
  refused('a window of nothing', joined(open(1), raw('window', 1, four(0))), 'frame-malformed');
  refused('credit that is given back unasked', joined(open(1), raw('returned', 1, four(0))), 'window-exceeded');
  refused('a pong that nobody waits for', raw('pong', 0, new Uint8Array(8)), 'frame-malformed');
  refused('a second greeting', raw('accepted', 0, new Uint8Array(Buffer.from('{}'))), 'frame-malformed');
  refused('an opened from the opener', joined(open(1), raw('opened', 1)), 'frame-malformed');
  refused('a message that is too long', raw('names', 0, new Uint8Array(16_385)), 'frame-too-long');
  refused('an open that is too long', raw('open', 1, new Uint8Array(2_049)), 'frame-too-long');
  refused('an open that ends early', raw('open', 1, encodeOpening(opening).subarray(0, 30)), 'frame-malformed');
  refused('an open with bytes behind it', raw('open', 1, joined(encodeOpening(opening), new Uint8Array(1))), 'frame-malformed');
  refused('an open with a line break in its id', raw('open', 1, encodeOpening({ ...opening, id: 'a\nb' })), 'frame-malformed');
  refused('a gateway that opens streams', open(1), 'frame-malformed', 'relay');
});

describe('mux fuzz', () => {
  /** mulberry32: small, seeded, good enough to choose bytes. */
  const random =
    (seed: number): (() => number) =>
    () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    };

  it('never throws and never holds more than the cap, for mutated conversations and for noise', (test) => {
    const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
    test.diagnostic(`FUZZ_SEED=${seed}`);
    const next = random(seed);
    const below = (count: number): number => Math.floor(next() * count);
    for (let round = 0; round < 1_500; round++) {
      const { relay, gateway } = pair();
      const victim = next() < 0.5 ? relay : gateway;
      const id = relay.open(opening, 0) ?? 0;
      relay.send(id, new Uint8Array(below(3_000)));
      relay.ping(0);
      if (next() < 0.5) relay.finish(id);
      const toGateway = wire(relay);
      const talk =
        victim === gateway
          ? toGateway
          : (deliver(gateway, toGateway), gateway.accept(id), gateway.send(id, new Uint8Array(500)), gateway.finish(id), wire(gateway));
      const mutated = next() < 0.1 ? Uint8Array.from({ length: below(200) }, () => below(256)) : talk.slice();
      for (let changes = below(4); changes > 0 && mutated.length > 0; changes--)
        mutated[below(Math.min(mutated.length, next() < 0.7 ? 150 : mutated.length))] = below(256);
      let arrived = 0;
      for (const event of deliver(victim, mutated, 1 + below(400))) if (event.is === 'data') arrived += event.bytes.length;
      ok(arrived <= mutated.length);
      ok(victim.promisedBytes <= defaults.carrierWindowBytes);
      victim.tick(1);
      wire(victim);
    }
  });

  it('reads random frames with valid headers without throwing', () => {
    const next = random(7);
    const types = [
      'open',
      'opened',
      'data',
      'window',
      'recall',
      'returned',
      'fin',
      'reset',
      'ping',
      'pong',
      'goaway',
      'register',
      'names',
    ] as const;
    const sizes = {
      open: 30,
      opened: 0,
      data: 50,
      window: 4,
      recall: 4,
      returned: 4,
      fin: 0,
      reset: 1,
      ping: 8,
      pong: 8,
      goaway: 5,
      register: 20,
      names: 20,
    } as const;
    for (let round = 0; round < 400; round++) {
      const session = pair().gateway;
      for (let count = 0; count < 30; count++) {
        const type = types[Math.floor(next() * types.length)] ?? 'ping';
        const carrier = type === 'ping' || type === 'pong' || type === 'goaway' || type === 'register' || type === 'names';
        const payload =
          type === 'open' && next() < 0.8
            ? encodeOpening(opening)
            : Uint8Array.from({ length: sizes[type] }, () => Math.floor(next() * 256));
        deliver(session, raw(type, carrier ? 0 : Math.floor(next() * 8), payload));
        session.accept(1);
        session.drained(1, 0);
        session.finish(3);
        wire(session);
      }
    }
  });
});

describe('a session that is over', () => {
  it('takes commands without harm', () => {
    const gateway = pair().gateway;
    deliver(gateway, new Uint8Array(12));
    gateway.accept(1);
    gateway.reset(1, 'exchange-cut');
    gateway.finish(1);
    gateway.drained(1, 5);
    gateway.goaway('interrupted');
    equal(gateway.send(1, new Uint8Array(1)), false);
    deepEqual(gateway.tick(1e9), []);
    deepEqual(gateway.receive(new Uint8Array(10), 1), []);
    equal(new MuxSession({ side: 'gateway', limits: defaults, now: 0 }).open(opening, 0), null);
  });
});
