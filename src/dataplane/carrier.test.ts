/** Streams of a carrier as Duplexes: what is bounded, what is half-closed, what is cut. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import type { MuxLimits } from '../core/mux/events.ts';
import type { Fault } from '../core/errors.ts';
import { SallyportError } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import { Carrier } from './carrier.ts';
import type { CarrierStream } from './carrier-stream.ts';

const opening = { id: 'x', ip: '192.0.2.1', visitorPort: 1, listenerPort: 443, sni: 'a.example', alpn: [] };

type Ends = Readonly<{ relay: Carrier; gateway: Carrier; line: Duplex; arrived: CarrierStream[]; ended: Fault[]; writes: () => number }>;

async function carriers(changes: Partial<MuxLimits> = {}, take: (stream: CarrierStream) => void = () => undefined): Promise<Ends> {
  const limits = { ...defaults, ...changes };
  const [a, b] = duplexPair();
  const arrived: CarrierStream[] = [];
  const ended: Fault[] = [];
  let writes = 0;
  const write = a.write.bind(a) as (bytes: Uint8Array) => boolean;
  a.write = ((bytes: Uint8Array) => {
    writes += 1;
    return write(bytes);
  }) as typeof a.write;
  const greeted = Promise.withResolvers<void>();
  const relay: Carrier = new Carrier({
    socket: a,
    side: 'relay',
    limits,
    taker: {
      message: () => {
        relay.message('accepted', {});
        relay.begin(gateway.limits);
      },
      open: () => undefined,
      goaway: () => undefined,
      end: (why) => ended.push(why),
    },
  });
  const gateway: Carrier = new Carrier({
    socket: b,
    side: 'gateway',
    limits,
    taker: {
      message: () => {
        gateway.begin(relay.limits);
        greeted.resolve();
      },
      open: (stream) => {
        arrived.push(stream);
        take(stream);
      },
      goaway: () => undefined,
      end: (why) => ended.push(why),
    },
  });
  gateway.message('hello', {});
  await greeted.promise;
  return { relay, gateway, line: b, arrived, ended, writes: () => writes };
}

function opened(carrier: Carrier): CarrierStream {
  const stream = carrier.open(opening);
  ok(stream);
  return stream;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const turns = async (count: number): Promise<void> => {
  for (let left = count; left > 0; left--) await turn();
};

describe('a stream of a carrier', () => {
  it('carries bytes both ways and half-closes', async () => {
    const { relay } = await carriers({}, (stream) => {
      stream.on('data', (bytes: Buffer) => void stream.write(`<${bytes.toString()}>`));
      stream.on('end', () => stream.end('bye'));
    });
    const stream = opened(relay);
    stream.write('one');
    stream.end();
    const parts: string[] = [];
    for await (const bytes of stream) parts.push(String(bytes));
    equal(parts.join(''), '<one>bye');
    await turns(3);
    equal(relay.streams, 0);
  });

  it('writes all frames of one turn in one write', async () => {
    const { relay, writes } = await carriers();
    const before = writes();
    for (let count = 0; count < 50; count++) opened(relay).write('hello');
    await turns(2);
    equal(writes() - before, 1);
  });

  it('makes the writer wait when the reader does not read, and holds no more than windows and buffers', async () => {
    const { relay, arrived } = await carriers();
    const stream = opened(relay);
    const chunk = Buffer.alloc(16_384);
    let written = 0;
    while (written < 64 * 1_048_576) {
      written += chunk.length;
      if (!stream.write(chunk)) {
        const drained = await Promise.race([once(stream, 'drain').then(() => true), turns(20).then(() => false)]);
        if (!drained) break;
      }
    }
    ok(written < 1_048_576, `${written} bytes were taken`);
    let read = 0;
    arrived[0]?.on('data', (bytes: Buffer) => (read += bytes.length));
    stream.end();
    await once(arrived[0] as CarrierStream, 'end');
    equal(read, written);
  });

  it('is not slowed by a neighbour that does not read', async () => {
    const { relay, arrived } = await carriers({}, (stream) => {
      if (stream.id !== 1) stream.resume();
    });
    const stalled = opened(relay);
    stalled.write(Buffer.alloc(2_000_000));
    const fast = opened(relay);
    for (let count = 0; count < 100; count++) {
      if (!fast.write(Buffer.alloc(65_536))) await once(fast, 'drain');
    }
    fast.end();
    await once(fast, 'finish');
    equal(arrived.length, 2);
    ok(stalled.writableLength > 0);
  });

  it('packs one-byte frames for a reader that is away, and gives every byte in order', async () => {
    const { relay, arrived } = await carriers();
    const stream = opened(relay);
    for (let count = 0; count < 5_000; count++) {
      stream.write(Buffer.from([count & 255]));
      if (count % 100 === 0) await turn();
    }
    stream.end();
    await turns(5);
    const got: Buffer[] = [];
    for await (const bytes of arrived[0] as CarrierStream) got.push(bytes as Buffer);
    const all = Buffer.concat(got);
    equal(all.length, 5_000);
    ok(all.every((byte, index) => byte === (index & 255)));
    ok(got.length < 50, `${got.length} pieces`);
  });

  it('tells the other end why it was destroyed', async () => {
    const { relay, arrived } = await carriers();
    const stream = opened(relay);
    await turns(2);
    const far = arrived[0] as CarrierStream;
    const error = once(far, 'error').then(([reason]) => (reason as SallyportError).code);
    stream.destroy(new SallyportError('stream-idle', 'too long'));
    equal(await error, 'stream-idle');
    equal(far.destroyed, true);
  });

  it('survives a write after the other end has gone, without a listener', async () => {
    const { relay, arrived } = await carriers();
    const stream = opened(relay);
    await turns(2);
    arrived[0]?.destroy();
    await turns(3);
    stream.write('into the void');
    stream.end();
    await turns(3);
    equal(stream.destroyed, true);
    equal(relay.streams, 0);
  });

  it('ends with its carrier', async () => {
    const { relay, line, arrived, ended } = await carriers();
    const stream = opened(relay);
    stream.write('x');
    await turns(2);
    const error = once(stream, 'error').then(([reason]) => (reason as SallyportError).code);
    line.destroy();
    equal(await error, 'carrier-broken');
    await turns(3);
    equal(arrived[0]?.destroyed, true);
    deepEqual(
      ended.map((why) => why.code),
      ['carrier-broken', 'carrier-broken'],
    );
    equal(relay.open(opening), null);
  });

  it('is refused by a taker that destroys it', async () => {
    const { relay } = await carriers({}, (stream) => stream.destroy());
    const stream = opened(relay);
    const [error] = (await once(stream, 'error')) as [SallyportError];
    equal(error.code, 'exchange-cut');
  });
});

describe('a carrier', () => {
  it('answers a probe while it lives, and not when it is gone', async () => {
    const { relay, line } = await carriers();
    equal(await relay.probe(1_000), true);
    line.destroy();
    await turns(3);
    equal(await relay.probe(1_000), false);
  });

  it('does not answer for a peer that is frozen', async () => {
    const { relay, line } = await carriers();
    await turns(5);
    line.pause();
    equal(await relay.probe(20), false);
  });

  it('is given up when nothing was heard for its limit', async () => {
    const { line, ended } = await carriers({ carrierIdleMs: 60 });
    line.pause();
    while (ended.length === 0) await turn();
    equal(ended[0]?.code, 'carrier-idle');
  });

  it('is kept by heartbeats alone', async () => {
    const { relay, ended } = await carriers({ carrierIdleMs: 1_000 });
    const end = performance.now() + 2_000;
    while (performance.now() < end) await turn();
    deepEqual(ended, []);
    ok(relay.roundTripMs !== null);
  });
});
