/** The bounds of one client's datagrams: what waits, who is remembered, how many names are asked for. */

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it, type TestContext } from 'node:test';
import { parseIp } from '../../../core/address.ts';
import { DatagramReader, framedDatagram } from '../../../core/datagrams.ts';
import type { Wanted } from '../../../core/egress/policy.ts';
import { SallyportError } from '../../../core/errors.ts';
import { limitsWith, type Limits } from '../../../core/limits.ts';
import { readSocksDatagram } from '../../../core/socks/datagram.ts';
import { Association } from './association.ts';
import type { Judged } from './judging.ts';

const here = parseIp('127.0.0.1');
assert.ok(here !== null);
const judged: Judged = { addresses: [here], ruling: { is: 'pass', why: '', rule: null }, note: null };

type Scene = Readonly<{ association: Association; clock: { now: number } }>;

function scene(
  test: TestContext,
  inside: boolean,
  changes: Partial<Limits> = {},
  judge: (wanted: Wanted) => Judged | Promise<Judged> = () => judged,
): Scene {
  const clock = { now: 0 };
  const association = new Association({
    who: { subject: 'user:ana', roles: [] },
    judge,
    limits: limitsWith(changes),
    now: () => clock.now,
    inside,
  });
  test.after(() => void association.destroy());
  return { association, clock };
}

/** A destination on this machine. */
async function destination(test: TestContext, answer: (socket: Socket, text: string, port: number) => void): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, { port }) => answer(socket, bytes.toString('latin1'), port));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  test.after(() => void socket.close());
  return socket.address().port;
}

function wrapped(text: string, port: number, host = '127.0.0.1'): Uint8Array {
  const to = host === '127.0.0.1' ? [1, 127, 0, 0, 1] : [3, host.length, ...Buffer.from(host)];
  return Uint8Array.from([0, 0, 0, ...to, port >> 8, port & 255, ...Buffer.from(text)]);
}

async function eventually(check: () => boolean): Promise<void> {
  for (const since = performance.now(); !check(); await turn()) assert.ok(performance.now() - since < 5_000, 'it has not come to pass');
}

describe('an association', () => {
  it('resource exhaustion: what nobody reads is dropped beyond its measure, and what is read is whole', async (test) => {
    let answers = 0;
    const port = await destination(test, (socket, text, to) => {
      const done = (): void => void (answers += 1);
      for (let at = 0; at < 100; at += 1) socket.send(Buffer.alloc(1_000, text), to, '127.0.0.1', done);
    });
    const { association } = scene(test, true, { udpFlowBytesMax: 20_000 });
    association.write(framedDatagram(wrapped('x', port)));
    await eventually(() => answers === 100);
    await eventually(() => association.readableLength > 18_000);
    for (let at = 0; at < 20; at += 1) await turn();
    assert.ok(association.readableLength <= 20_000, `${association.readableLength} bytes wait`);
    const lengths: (number | undefined)[] = [];
    const reader = new DatagramReader();
    association.on('data', (bytes: Uint8Array) => {
      assert.equal(
        reader.push(bytes, (datagram) => lengths.push(readSocksDatagram(datagram)?.data.length)),
        null,
      );
    });
    await eventually(() => lengths.length > 15);
    assert.ok(lengths.every((length) => length === 1_000));
    assert.equal(association.readableLength, 0);
  });

  it('cut anywhere, datagrams inside of a stream are the same', async (test) => {
    const heard: string[] = [];
    const port = await destination(test, (_socket, text) => heard.push(text));
    const { association } = scene(test, true);
    const bytes = Buffer.concat(['one', '', 'three'].map((text) => framedDatagram(wrapped(text, port)) ?? new Uint8Array()));
    for (const byte of bytes) association.write(Uint8Array.of(byte));
    await eventually(() => heard.length === 3);
    assert.deepEqual(heard.toSorted(), ['', 'one', 'three']);
  });

  it('SOCKS UDP reflection: only as many places as it may are heard, the latest, and none that was silent for long', async (test) => {
    const echo = (socket: Socket, text: string, to: number): void => socket.send(text, to, '127.0.0.1');
    const latest: number[] = [];
    const sources: number[] = [];
    const sockets: Socket[] = [];
    const remember = (socket: Socket, text: string, to: number): void => {
      sources.push(to);
      sockets.push(socket);
      echo(socket, text, to);
    };
    const ports = [await destination(test, remember), await destination(test, remember), await destination(test, remember)];
    const { association, clock } = scene(test, false, { associationPlacesMax: 2, associationIdleMs: 1_000 });
    association.on('data', (bytes: Uint8Array) => latest.push(readSocksDatagram(bytes)?.port ?? 0));
    for (const [at, port] of ports.entries()) {
      association.write(wrapped('hello', port));
      await eventually(() => latest.length === at + 1);
    }
    assert.deepEqual(latest, ports);
    const [first, , third] = sockets;
    const from = sources[0] ?? 0;
    assert.ok(first !== undefined && third !== undefined && new Set(sources).size === 1);
    // The first was forgotten when the third came.
    echo(first, 'again', from);
    echo(third, 'again', from);
    await eventually(() => latest.length === 4);
    assert.equal(latest.at(-1), ports[2]);
    clock.now = 1_001;
    echo(third, 'late', from);
    association.write(wrapped('hello', ports[1] ?? 0));
    await eventually(() => latest.length === 5);
    assert.equal(latest.at(-1), ports[1]);
  });

  it('DNS flood by datagrams: of names that are being asked for only a few datagrams wait, and the rest is lost', async (test) => {
    const heard: string[] = [];
    const port = await destination(test, (_socket, text) => heard.push(text));
    const answer = Promise.withResolvers<Judged>();
    let asked = 0;
    const { association } = scene(test, false, { associationWaitingMax: 2 }, () => {
      asked += 1;
      return answer.promise;
    });
    for (const text of ['one', 'two', 'three']) association.write(wrapped(text, port, 'a.example'));
    assert.equal(asked, 2);
    answer.resolve(judged);
    await eventually(() => heard.length === 2);
    association.write(wrapped('four', port, 'a.example'));
    await eventually(() => heard.length === 3);
    assert.deepEqual(heard.toSorted(), ['four', 'one', 'two']);
    assert.equal(asked, 3);
  });

  it('what is denied is counted, a fault of ours ends it', async (test) => {
    const { association } = scene(test, true, {}, () => {
      throw new SallyportError('destination-denied', 'it is inner');
    });
    association.write(framedDatagram(wrapped('x', 443)));
    assert.equal(association.refusals, '1 datagram was not sent on, the first: it is inner');
    const broken = scene(test, true, {}, () => Promise.reject(new Error('ours'))).association;
    broken.write(framedDatagram(wrapped('x', 443)));
    await eventually(() => broken.destroyed);
  });
});
