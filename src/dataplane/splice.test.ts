/** Two streams joined: every way in which they can end. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import type { SpliceTally } from '../contracts/protocol.ts';
import { createDeadlines } from './deadlines.ts';
import { createSplice } from './splice.ts';

type Joined = Readonly<{
  a: Duplex;
  b: Duplex;
  left: Duplex;
  right: Duplex;
  tally: Promise<SpliceTally>;
  time: { now: number };
  look: () => void;
  stop: AbortController;
}>;

function joined(): Joined {
  const [left, a] = duplexPair();
  const [b, right] = duplexPair();
  for (const stream of [left, right]) stream.on('error', () => undefined);
  const time = { now: 0 };
  const deadlines = createDeadlines(() => time.now);
  const stop = new AbortController();
  const tally = createSplice({ deadlines })(a, b, { idleMs: 1_000, signal: stop.signal });
  return { a, b, left, right, tally, time, look: () => deadlines.look(), stop };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a splice', () => {
  it('carries both ways, half-closes, and counts', async () => {
    const { left, right, tally } = joined();
    left.end('hello');
    const heard: string[] = [];
    right.on('data', (bytes: Buffer) => heard.push(bytes.toString()));
    await once(right, 'end');
    right.end('good day');
    const [bytes] = (await once(left, 'data')) as [Buffer];
    equal(bytes.toString(), 'good day');
    deepEqual(await tally, { bytesAToB: 5, bytesBToA: 8, code: null, why: null });
    deepEqual(heard, ['hello']);
  });

  it('backpressure: makes one side wait while the other does not read', async () => {
    const { left, right, tally } = joined();
    let written = 0;
    for (let count = 0; count < 1_000; count++) {
      if (left.writableNeedDrain) break;
      left.write(Buffer.alloc(65_536));
      written += 65_536;
      await turn();
    }
    ok(written < 2_000_000);
    let read = 0;
    right.on('data', (bytes: Buffer) => (read += bytes.length));
    left.end();
    await once(right, 'end');
    right.end();
    left.resume();
    equal((await tally).bytesAToB, written);
    equal(read, written);
  });

  it('is cut after its idle limit, and not before', async () => {
    const { left, right, tally, time, look } = joined();
    time.now = 900;
    left.write('x');
    await once(right, 'data');
    time.now = 1_800;
    look();
    equal(right.destroyed, false);
    time.now = 1_900;
    look();
    equal((await tally).code, 'stream-idle');
  });

  it('destroys both when one breaks, and says which', async () => {
    for (const side of ['a', 'b'] as const) {
      const all = joined();
      all[side].destroy(side === 'a' ? new Error('reset') : undefined);
      equal((await all.tally).code, side === 'a' ? 'visitor-gone' : 'upstream-broken');
      equal(all.a.destroyed && all.b.destroyed, true);
      all.b.emit('error', new Error('a second one, after the end'));
    }
  });

  it('truncation: who reads from a connection that broke sees a reset, and never an end', async (test) => {
    const server = createServer({ allowHalfOpen: true });
    test.after(() => void server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const visitor = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    const [a] = (await once(server, 'connection')) as [Socket];
    const [b, right] = duplexPair();
    const tally = createSplice({ deadlines: createDeadlines(() => 0) })(a, b, { idleMs: 1_000, resets: true });
    right.write('half of it');
    await once(visitor, 'data');
    const broke = new Promise<NodeJS.ErrnoException>((resolve) => void visitor.once('error', resolve));
    let ended = false;
    visitor.once('end', () => (ended = true));
    b.destroy();
    equal((await broke).code, 'ECONNRESET');
    equal(ended, false);
    equal((await tally).code, 'upstream-broken');
  });

  it('ends by its signal, before it began too', async () => {
    const { tally, stop } = joined();
    stop.abort();
    equal((await tally).code, 'exchange-cut');
    const [a, b] = duplexPair();
    const deadlines = createDeadlines(() => 0);
    equal((await createSplice({ deadlines })(a, b, { idleMs: 1, signal: AbortSignal.abort() })).code, 'exchange-cut');
    equal(a.destroyed && b.destroyed, true);
  });
});
