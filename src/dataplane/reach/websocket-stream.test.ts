/** A WebSocket as a stream: whole in any pieces, held back both ways, ended by what no carrier sends. */

import { equal, match, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../../test/tunnel/relay.ts';
import { WebSocketStream } from './websocket-stream.ts';

const messageBytesMax = 65_536;

type Pair = Readonly<{ here: WebSocketStream; there: WebSocket; ours: WebSocket }>;

/** `here` is a stream at a server; `there` is what a client has. */
async function pair(test: TestContext): Promise<Pair> {
  const options = { perMessageDeflate: false, maxPayload: messageBytesMax, autoPong: false } as const;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  const there = new WebSocket(`ws://127.0.0.1:${port}/`, { ...options });
  there.on('error', () => undefined);
  await once(there, 'open');
  const [ours] = await connected;
  const here = new WebSocketStream(ours, messageBytesMax);
  here.on('error', () => undefined);
  test.after(() => {
    here.destroy();
    there.terminate();
    server.close();
  });
  return { here, there, ours };
}

/** Whether nothing of `count` moves for a while: what is held back stays so. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count();) {
    before = count();
    await new Promise((resolve) => void setTimeout(resolve, 150));
  }
  return count();
}

describe('a stream over a WebSocket', () => {
  it('passes everything whole, in messages below the limit', async (test) => {
    const { here, there } = await pair(test);
    const sent = createHash('sha256');
    const heard = createHash('sha256');
    let total = 0;
    there.on('message', (data, isBinary) => {
      ok(isBinary && Buffer.isBuffer(data) && data.length > 0 && data.length <= messageBytesMax);
      heard.update(data);
      total += data.length;
    });
    for (const length of [1, messageBytesMax - 1, messageBytesMax, messageBytesMax + 1, 1_048_577]) {
      const piece = randomBytes(length);
      sent.update(piece);
      here.write(piece);
    }
    here.end();
    await once(there, 'close');
    equal(total, 1 + 3 * messageBytesMax + 1_048_577);
    equal(heard.digest('hex'), sent.digest('hex'));
  });

  it('takes no more than the other side reads', async (test) => {
    const { here, there, ours } = await pair(test);
    there.pause();
    let taken = 0;
    const push = (): void => {
      for (let more = true; more && taken < 256 * 1_048_576; taken += messageBytesMax) more = here.write(Buffer.alloc(messageBytesMax));
    };
    here.on('drain', push);
    push();
    const most = await settled(() => taken);
    ok(most < 32 * 1_048_576, `${most} bytes were taken`);
    ok(ours.bufferedAmount < 1_048_576, `${ours.bufferedAmount} wait here`);
    there.resume();
    await until(() => taken > most);
    here.off('drain', push);
  });

  it('reads no more than is taken from it', async (test) => {
    const { here, there, ours } = await pair(test);
    let sent = 0;
    const send = (): void => {
      sent += messageBytesMax;
      if (sent < 128 * 1_048_576) there.send(Buffer.alloc(messageBytesMax), { binary: true }, (error) => error ?? send());
    };
    send();
    await until(() => ours.isPaused);
    await settled(() => sent);
    ok(here.readableLength < 1_048_576, `${here.readableLength} bytes wait here`);
    ok(sent < 64 * 1_048_576, `${sent} bytes were sent`);
    const before = sent;
    here.resume();
    await until(() => sent > before);
  });

  const wrong: readonly (readonly [string, (there: WebSocket) => void])[] = [
    ['a text', (there) => there.send('hello')],
    ['an empty message', (there) => there.send(Buffer.alloc(0))],
    ['a message above the limit', (there) => there.send(Buffer.alloc(messageBytesMax + 1))],
  ];
  for (const [title, act] of wrong) {
    it(`ends at ${title}, and passes nothing of it on`, async (test) => {
      const { here, there } = await pair(test);
      let heard = 0;
      here.on('data', (bytes: Buffer) => (heard += bytes.length));
      act(there);
      await until(() => here.destroyed);
      ok(here.errored !== null);
      equal(heard, 0);
      await until(() => there.readyState === WebSocket.CLOSED);
    });
  }

  it('answers a ping, and ends a ping flood whose answers nobody reads', async (test) => {
    const { here, there } = await pair(test);
    here.resume();
    there.ping('x');
    await once(there, 'pong');
    there.pause();
    const flood = (): void => {
      for (let count = 0; count < 2_000 && there.readyState === WebSocket.OPEN; count += 1) there.ping(Buffer.alloc(125));
      if (!here.destroyed) setImmediate(flood);
    };
    flood();
    await until(() => here.destroyed, 20_000);
    match(here.errored?.message ?? '', /pings/);
  });

  it('ends with the other side, whether anybody reads or not', async (test) => {
    for (const act of [(there: WebSocket) => there.close(), (there: WebSocket) => there.terminate()]) {
      for (const reads of [true, false]) {
        const { here, there } = await pair(test);
        if (reads) here.resume();
        else here.pause();
        act(there);
        await until(() => here.destroyed);
      }
    }
  });
});
