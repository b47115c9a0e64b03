/** What is said wrongly to a proxy, and what goes wrong behind it: each in the protocol's own word, recorded with who asked and why. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { addressServer } from '../doubles/address-server.ts';
import { freePort } from './free-port.ts';
import { listening } from './sockets.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
let gateway: WrittenGateway;
/** What the destinations that listen were told, over all connections. */
let told = '';
const taken = new Set<Socket>();
const ports = { proxy: 0, echo: 0, mute: 0, resetting: 0, full: 0 };

const basic = `Proxy-Authorization: Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}`;
const counted = (text: string): readonly number[] => [Buffer.byteLength(text), ...Buffer.from(text)];
const login = [5, 1, 2, 1, ...counted('ana'), ...counted(goodPassword)];
const socksTo = (name: string, port: number): Uint8Array =>
  Uint8Array.from([...login, 5, 1, 0, 3, ...counted(name), port >> 8, port & 255]);
const tunnelTo = (place: string): string => `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${basic}\r\n\r\n`;
const getFrom = (place: string): string => `GET http://${place}/ HTTP/1.1\r\nHost: x\r\n${basic}\r\nConnection: close\r\n\r\n`;

/** A port whose queue is full: whoever connects hears nothing, not even a refusal. Its owner sleeps and takes nobody. */
async function fullPort(): Promise<number> {
  const sleeper = `const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(sleeper, { eval: true });
  ends.push(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  // As many as the kernel takes for it, and then some that wait already.
  for (let at = 0; at < 4; at += 1) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    ends.unshift(() => socket.destroy());
    await Promise.race([once(socket, 'connect'), new Promise((later) => setTimeout(later, 50))]);
  }
  return port;
}

before(async () => {
  const listens = (socket: Socket): void => {
    taken.add(socket.on('error', () => undefined).once('close', () => taken.delete(socket)));
    socket.on('data', (bytes: Buffer) => (told += bytes.toString('latin1')));
  };
  ports.echo = await listening(
    createServer((socket) => (listens(socket), socket.pipe(socket))),
    ends,
  );
  ports.mute = await listening(createServer(listens), ends);
  ports.resetting = await listening(
    createServer((socket) => void socket.once('data', () => socket.resetAndDestroy())),
    ends,
  );
  ports.full = await fullPort();
  ports.proxy = await freePort();
  const names = await addressServer({ after: (done) => void ends.unshift(done) });
  names.says.set('mixed.example.org', [['10.1.2.3', '127.0.0.1', '::1']]);
  names.says.set('full.example.org', [['127.0.0.1']]);
  gateway = await startWritten(context, {
    folder: await ownFolder(context),
    users: ['ana'],
    text: `limits: { dialMs: 250, answerMs: 800, tunnelIdleMs: 300 }
services:
  out: { proxy: { socks5: true, listen: "http://127.0.0.1:${ports.proxy}" }, access: [{ password: {} }], destinations: { resolver: ["${names.address}"], allow: ["127.0.0.1:*"] } }
`,
  });
  await gateway.event(isReady);
});
after(async () => {
  for (const socket of taken) socket.destroy();
  for (const end of ends.splice(0)) await end();
});

const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));

type Heard = Readonly<{ said: string; record: AuditEvent }>;

/** Says it, hears all that comes until the end or `enough`, and what is recorded then. */
async function say(bytes: string | Uint8Array, enough?: RegExp): Promise<Heard> {
  const count = records().length;
  const socket = connect(ports.proxy, '127.0.0.1').on('error', () => undefined);
  let said = '';
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1');
    if (enough?.test(said) === true) socket.destroy();
  });
  socket.write(bytes);
  await new Promise((closed) => socket.once('close', closed));
  return { said, record: await recorded(count) };
}

async function recorded(count: number): Promise<AuditEvent> {
  await eventually(() => records().length > count);
  const record = records().at(-1);
  assert.ok(record?.visitor.startsWith('127.0.0.1') === true);
  return record;
}

async function eventually(check: () => boolean): Promise<void> {
  for (const since = performance.now(); !check();) {
    assert.ok(performance.now() - since < 10_000, 'it has not come to pass');
    await new Promise((turn) => setTimeout(turn, 5));
  }
}

describe('CONNECT with', () => {
  const wrong: Readonly<Record<string, string>> = {
    'a path': '/x',
    'a path behind the port': 'a.example:443/x',
    'user information': 'ana:word@a.example:443',
    'no port': 'a.example',
    'port 0': 'a.example:0',
    'a port beyond all': 'a.example:65536',
    'IPv6 without brackets': '2001:db8::1:443',
    'a zone': '[fe80::1%25eth0]:443',
    'another Host': `a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n${basic}\r\n\r\n`,
  };
  for (const [what, target] of Object.entries(wrong))
    it(what, async () => {
      const { said, record } = await say(target.includes('\r') ? `CONNECT ${target}` : tunnelTo(target), /\r\n\r\n/);
      assert.match(said, /^HTTP\/1\.1 400 /);
      assert.match(record.code ?? '', /^(?:target|host)-/);
      assert.notEqual(record.why, null);
    });

  it('a body before the 200: a place that is refused gets nothing of it, and one that is not gets it after the answer', async () => {
    const before = told.length;
    const refused = await say(`${tunnelTo('10.0.0.1:443')}secret`, /\r\n\r\n/);
    assert.match(refused.said, /^HTTP\/1\.1 403 /);
    const stranger = await say(`${tunnelTo(`127.0.0.1:${ports.echo}`).replace(basic, 'X: y')}secret`, /\r\n\r\n/);
    assert.match(stranger.said, /^HTTP\/1\.1 407 /);
    const led = await say(`${tunnelTo(`127.0.0.1:${ports.echo}`)}early`, /early/);
    assert.match(led.said, /^HTTP\/1\.1 200 [^\r]*\r\n\r\nearly$/);
    assert.equal(told.slice(before), 'early');
  });
});

describe('SOCKS with', () => {
  const wrong: Readonly<Record<string, readonly [Uint8Array, string, string]>> = {
    'version 4': [Uint8Array.from([4, 1, 0, 80, 127, 0, 0, 1, 0]), '', 'preamble-malformed'],
    'no method': [Uint8Array.from([5, 0]), '', 'preamble-malformed'],
    'a method that nobody speaks': [Uint8Array.from([5, 1, 1]), '05ff', 'credentials-missing'],
    'a name of no length': [Uint8Array.from([5, 1, 2, 1, 0]), '0502', 'preamble-malformed'],
    'a destination of no length': [Uint8Array.from([...login, 5, 1, 0, 3, 0]), '0502010005010001', 'preamble-malformed'],
    'a domain of 255 bytes': [socksTo('a'.repeat(255), 443), '0502010005010001', 'target-malformed'],
    'a domain of 255 bytes in labels': [socksTo(`${'a.'.repeat(127)}b`, 443), '0502010005', 'target-malformed'],
    'a list of methods and what depends on their choice': [Uint8Array.from([5, 2, 0, 2, ...login.slice(3)]), '', 'preamble-malformed'],
    'port 0': [socksTo('127.0.0.1', 0), '0502010005010001', 'target-malformed'],
    BIND: [Uint8Array.from([...login, 5, 2, 0, 1]), '0502010005070001', 'method-refused'],
  };
  for (const [what, [bytes, answer, code]] of Object.entries(wrong))
    it(what, async () => {
      const { said, record } = await say(bytes);
      const hex = Buffer.from(said, 'latin1').toString('hex');
      assert.ok(hex.startsWith(answer) && (answer !== '' || hex === ''), hex);
      assert.equal(record.code, code, record.why ?? '');
    });
});

describe('a destination', () => {
  it('that never takes the connection: 504, or SOCKS 6', async () => {
    const [tunnel, request, socks] = [
      await say(tunnelTo(`127.0.0.1:${ports.full}`), /\r\n\r\n/),
      await say(getFrom(`127.0.0.1:${ports.full}`), /\r\n\r\n/),
      await say(socksTo('127.0.0.1', ports.full)),
    ];
    for (const { said } of [tunnel, request]) assert.match(said, /^HTTP\/1\.1 504 [^]*error=connection_timeout/);
    assert.equal(socks.said.charCodeAt(5), 6);
    for (const { record } of [tunnel, request, socks]) assert.deepEqual([record.code, record.who], ['upstream-timed-out', 'user:ana']);
  });

  it('that never answers a request, or in a tunnel', async () => {
    const request = await say(getFrom(`127.0.0.1:${ports.mute}`), /\r\n\r\n/);
    assert.match(request.said, /^HTTP\/1\.1 504 /);
    assert.deepEqual([request.record.code, request.record.who], ['upstream-timed-out', 'user:ana']);
    const tunnel = await say(`${tunnelTo(`127.0.0.1:${ports.mute}`)}hello`);
    assert.deepEqual([tunnel.record.code, tunnel.record.who], ['stream-idle', 'user:ana']);
  });

  it('that resets', async () => {
    const request = await say(getFrom(`127.0.0.1:${ports.resetting}`), /\r\n\r\n/);
    assert.match(request.said, /^HTTP\/1\.1 502 [^]*error=connection_terminated/);
    const tunnel = await say(`${tunnelTo(`127.0.0.1:${ports.resetting}`)}hello`);
    for (const { record } of [request, tunnel]) assert.deepEqual([record.code, record.who], ['upstream-broken', 'user:ana']);
  });

  it('that resolves to a mixture of what may be reached and what may not: the first alone', async () => {
    const { said } = await say(`${tunnelTo(`mixed.example.org:${ports.echo}`)}mixed`, /mixed/);
    assert.match(said, /^HTTP\/1\.1 200 [^]*mixed$/);
    const nowhere = await say(tunnelTo(`mixed.example.org:${await freePort()}`), /\r\n\r\n/);
    assert.match(nowhere.said, /^HTTP\/1\.1 502 [^]*connection_refused/);
  });
});

describe('a client that vanishes', () => {
  /** Says it, waits for `until`, and is gone without a word. */
  async function vanish(bytes: string | Uint8Array, until: () => boolean): Promise<AuditEvent> {
    const count = records().length;
    const socket = connect(ports.proxy, '127.0.0.1').on('error', () => undefined);
    socket.write(bytes);
    await once(socket, 'ready');
    await eventually(until);
    socket.resetAndDestroy();
    return recorded(count);
  }
  const soon = (): (() => boolean) => {
    const since = performance.now();
    return () => performance.now() - since > 100;
  };

  it('while its destination is dialled', async () => {
    const record = await vanish(tunnelTo(`127.0.0.1:${ports.full}`), soon());
    assert.deepEqual([record.code, record.who], ['visitor-gone', 'user:ana']);
    const socks = await vanish(socksTo('127.0.0.1', ports.full), soon());
    assert.deepEqual([socks.code, socks.who], ['visitor-gone', 'user:ana']);
  });

  it('in a tunnel: its destination is gone as well', async () => {
    const record = await vanish(`${tunnelTo(`127.0.0.1:${ports.echo}`)}gone`, () => told.endsWith('gone'));
    assert.deepEqual([record.code, record.who], ['visitor-gone', 'user:ana']);
    await eventually(() => taken.size === 0);
  });

  it('in the middle of a body: its destination hears nothing of a short one, and a break of a long one', async () => {
    const post = (length: number): string =>
      `POST http://127.0.0.1:${ports.mute}/ HTTP/1.1\r\nHost: x\r\n${basic}\r\nContent-Length: ${length}\r\n\r\n`;
    const before = told.length;
    const short = await vanish(`${post(100)}half`, soon());
    // Nobody has looked at its credential yet.
    assert.deepEqual([short.code, short.who], ['visitor-gone', null]);
    assert.equal(told.length, before);
    const long = await vanish(`${post(2_000_000)}${'x'.repeat(1_000_000)}end`, () => told.endsWith('end'));
    assert.deepEqual([long.code, long.who], ['visitor-gone', 'user:ana']);
    await eventually(() => taken.size === 0);
  });
});
