/** The mux as a conversation between its two ends. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deliver, faultOf, opening, pair, raw, wire } from '../../../test/mux/pair.ts';
import { defaults } from '../limits.ts';
import type { MuxEvent } from './events.ts';
import { MuxSession } from './session.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

describe('a mux session', () => {
  it('carries an opening and its first bytes in one turn, whatever pieces they come in', () => {
    const { relay, gateway } = pair();
    const id = relay.open(opening, 0);
    ok(id !== null);
    relay.send(id, bytes('hello'));
    relay.finish(id);
    const sent = wire(relay);
    const first = deliver(gateway, sent, 1);
    deepEqual(first[0], { is: 'open', stream: 1, opening });
    equal(first.flatMap((event) => (event.is === 'data' ? [text(event.bytes)] : [])).join(''), 'hello');
    deepEqual(first.at(-1), { is: 'fin', stream: 1 });
  });

  it('reads the same conversation at every split', () => {
    for (let split = 1; split < 140; split++) {
      const { relay, gateway } = pair();
      const id = relay.open(opening, 0) ?? 0;
      relay.send(id, bytes('some bytes'));
      relay.finish(id);
      const sent = wire(relay);
      const events = [...gateway.receive(sent.subarray(0, split), 0), ...gateway.receive(sent.subarray(split), 0)];
      equal(events[0]?.is, 'open');
      equal(events.flatMap((event) => (event.is === 'data' ? [text(event.bytes)] : [])).join(''), 'some bytes');
      equal(events.at(-1)?.is, 'fin');
    }
  });

  it('answers over the same stream and forgets it when both ends have finished and read', () => {
    const { relay, gateway } = pair();
    const id = relay.open(opening, 0) ?? 0;
    relay.send(id, bytes('question'));
    relay.finish(id);
    deliver(gateway, wire(relay));
    gateway.accept(id);
    gateway.send(id, bytes('answer'));
    gateway.finish(id);
    const events = deliver(relay, wire(gateway));
    deepEqual(
      events.map((event) => event.is),
      ['opened', 'data', 'fin'],
    );
    equal(relay.streams, 1, 'what the reader has not taken is still held');
    relay.drained(id, 6);
    gateway.drained(id, 8);
    equal(relay.streams, 0);
    equal(gateway.streams, 0);
  });

  it('stops at the peer’s window and goes on when the reader has drained', () => {
    const { relay, gateway } = pair();
    const id = relay.open(opening, 0) ?? 0;
    relay.send(id, new Uint8Array(300_000));
    const first = deliver(gateway, wire(relay)).flatMap((event) => (event.is === 'data' ? [event.bytes.length] : []));
    const arrived = first.reduce((sum, count) => sum + count, 0);
    equal(arrived, gateway.ours.window);
    equal(wire(relay).length, 0, 'nothing goes without credit');
    gateway.drained(id, arrived);
    deliver(relay, wire(gateway));
    const more = deliver(gateway, wire(relay)).reduce((sum, event) => sum + (event.is === 'data' ? event.bytes.length : 0), 0);
    ok(more >= arrived, 'the credit comes back, and grows');
  });

  it('returns no credit for what the reader has not taken', () => {
    const { relay, gateway } = pair();
    const id = relay.open(opening, 0) ?? 0;
    relay.send(id, new Uint8Array(100_000));
    deliver(gateway, wire(relay));
    equal(wire(gateway).length, 0);
  });

  it('lets a stalled stream cost its own window only', () => {
    const { relay, gateway } = pair();
    const stalled = relay.open(opening, 0) ?? 0;
    const fast = relay.open(opening, 0) ?? 0;
    relay.send(stalled, new Uint8Array(1_000_000));
    let got = 0;
    for (let round = 0; round < 200; round++) {
      relay.send(fast, new Uint8Array(10_000));
      for (const event of deliver(gateway, wire(relay))) {
        if (event.is !== 'data' || event.stream !== fast) continue;
        got += event.bytes.length;
        gateway.drained(fast, event.bytes.length);
      }
      deliver(relay, wire(gateway));
    }
    equal(got, 2_000_000);
  });

  it('never promises more than the carrier may hold, however many streams there are', () => {
    const { relay, gateway } = pair();
    for (let count = 0; count < defaults.carrierStreamsMax; count++) {
      const id = relay.open(opening, 0) ?? 0;
      relay.send(id, new Uint8Array(70_000));
    }
    for (let round = 0; round < 40; round++) {
      for (const event of deliver(gateway, wire(relay))) if (event.is === 'data') gateway.drained(event.stream, event.bytes.length);
      deliver(relay, wire(gateway));
      ok(gateway.promisedBytes <= defaults.carrierWindowBytes);
    }
    equal(relay.open(opening, 0), null, 'and opens no more than the peer takes');
  });

  it('sends control frames before data that waits', () => {
    const { relay } = pair();
    const id = relay.open(opening, 0) ?? 0;
    wire(relay);
    relay.send(id, new Uint8Array(50_000));
    relay.ping(0);
    equal(wire(relay)[1], 0x20);
  });

  it('sends control frames, and no data, while the socket is full', () => {
    const { relay } = pair();
    const id = relay.open(opening, 0) ?? 0;
    relay.send(id, new Uint8Array(1_000));
    const { frames } = relay.take(0);
    deepEqual(
      frames.map((frame) => frame.type),
      ['open'],
    );
  });

  it('takes turns between streams, a record’s worth each, and gives the rest to who is left alone', () => {
    const { relay } = pair({ carrierStreamsMax: 100 });
    const [one, two] = [relay.open(opening, 0) ?? 0, relay.open(opening, 0) ?? 0];
    relay.send(one, new Uint8Array(60_000));
    relay.send(two, new Uint8Array(100));
    const data = relay.take(20_000).frames.filter((frame) => frame.type === 'data');
    deepEqual(
      data.map((frame) => [frame.stream, frame.payload?.length]),
      [
        [one, 16_384],
        [two, 100],
        [one, 43_616],
      ],
    );
  });

  it('drops what waited when the peer resets, and says why', () => {
    const { relay, gateway } = pair();
    const id = relay.open(opening, 0) ?? 0;
    deliver(gateway, wire(relay));
    relay.send(id, new Uint8Array(500_000));
    gateway.reset(id, 'upstream-refused');
    deepEqual(deliver(relay, wire(gateway)), [{ is: 'reset', stream: id, code: 'upstream-refused' }]);
    equal(relay.waitingBytes, 0);
    equal(relay.send(id, bytes('late')), false);
  });

  it('bears frames that crossed its own reset', () => {
    const { relay, gateway } = pair();
    const id = relay.open(opening, 0) ?? 0;
    deliver(gateway, wire(relay));
    gateway.accept(id);
    gateway.send(id, bytes('crossing'));
    gateway.finish(id);
    const crossing = wire(gateway);
    relay.reset(id, 'visitor-gone');
    deepEqual(deliver(relay, crossing), []);
    deepEqual(deliver(gateway, wire(relay)), [{ is: 'reset', stream: id, code: 'visitor-gone' }]);
  });

  it('opens nothing after goaway, and lets what runs end', () => {
    const { relay, gateway } = pair();
    const id = relay.open(opening, 0) ?? 0;
    deliver(gateway, wire(relay));
    gateway.goaway('interrupted');
    deepEqual(deliver(relay, wire(gateway)), [{ is: 'goaway', code: 'interrupted', last: 1 }]);
    equal(relay.open(opening, 0), null);
    ok(relay.send(id, bytes('still here')));
  });

  it('asks a silent peer for a sign of life, measures the round trip, and gives up on a dead one', () => {
    const { relay, gateway } = pair();
    deepEqual(relay.tick(7_000), []);
    equal(wire(relay).length, 0);
    relay.tick(7_500);
    const asked = wire(relay);
    equal(asked[1], 0x20);
    deliver(gateway, asked, 3, 7_500);
    deliver(relay, wire(gateway), 3, 7_540);
    equal(relay.roundTripMs, 40);
    deepEqual(relay.tick(21_000), []);
    equal(faultOf(relay.tick(7_540 + defaults.carrierIdleMs)), 'carrier-idle');
  });

  it('takes one hello and nothing else before the greeting has ended', () => {
    const limits = defaults;
    for (const type of ['accepted', 'register', 'names', 'ping', 'goaway'] as const) {
      const relay = new MuxSession({ side: 'relay', limits, now: 0 });
      equal(
        faultOf(deliver(relay, raw(type, 0, bytes('{"a":123}').subarray(0, type === 'ping' ? 8 : type === 'goaway' ? 5 : 9)))),
        'frame-malformed',
        type,
      );
    }
    const relay = new MuxSession({ side: 'relay', limits, now: 0 });
    deepEqual(deliver(relay, raw('hello', 0, bytes('{"a":1}'))), [{ is: 'message', type: 'hello', value: { a: 1 } }]);
    equal(faultOf(deliver(relay, raw('hello', 0, bytes('{"a":1}')))), 'frame-malformed');
  });

  it('hears what a relay says in one breath with accepted, and no stream in it', () => {
    const accepted = raw('accepted', 0, bytes('{"a":1}'));
    const behind = (...frames: readonly Uint8Array[]): readonly MuxEvent[] =>
      new MuxSession({ side: 'gateway', limits: defaults, now: 0 }).receive(Buffer.concat([accepted, ...frames]), 0);
    const ack = raw('ack', 0, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 9]));
    const goaway = raw('goaway', 0, new Uint8Array([0, 0, 0, 0, 0]));
    deepEqual(
      behind(ack, goaway).map(({ is }) => is),
      ['message', 'acked', 'goaway'],
    );
    equal(faultOf(behind(raw('open', 1, new Uint8Array(20)))), 'frame-malformed');
    equal(faultOf(behind(accepted)), 'frame-malformed');
    equal(faultOf(new MuxSession({ side: 'gateway', limits: defaults, now: 0 }).receive(ack, 0)), 'frame-malformed');
  });

  it('opens no stream before the greeting has ended', () => {
    const relay = new MuxSession({ side: 'relay', limits: defaults, now: 0 });
    equal(relay.open(opening, 0), null);
    const gateway = new MuxSession({ side: 'gateway', limits: defaults, now: 0 });
    equal(faultOf(deliver(gateway, raw('open', 1, new Uint8Array(20)))), 'frame-malformed');
  });

  it('refuses a message that is no JSON, or no UTF-8', () => {
    for (const payload of [bytes('{"a":'), new Uint8Array([0x22, 0xff, 0x22])]) {
      const relay = new MuxSession({ side: 'relay', limits: defaults, now: 0 });
      equal(faultOf(deliver(relay, raw('hello', 0, payload))), 'frame-malformed');
    }
  });
});
