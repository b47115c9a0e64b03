/** UDP through `sallyport connect`: datagrams of a program here, inside of TLS to the gateway, through a relay, each judged by the gateway's fence. */

import assert from 'node:assert/strict';
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { DatagramReader, framedDatagram } from '../../src/core/datagrams.ts';
import { datagramPlace } from '../../src/core/egress/destination.ts';
import { SallyportError } from '../../src/core/errors.ts';
import { readSocksDatagram } from '../../src/core/socks/datagram.ts';
import { addressServer } from '../doubles/address-server.ts';
import { startRelayed, type RelayedGateway } from './relayed-gateway.ts';
import { udpSocket } from './sockets.ts';
import { goodPassword, ownFolder } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const context = { after: (done: () => unknown) => void ends.unshift(done) };
let relayed: RelayedGateway;
let echo: UdpSocket;
/** From which ports the destination was written to, and what. */
const heard: Readonly<{ port: number; text: string }>[] = [];
const ana = { user: 'ana', password: goodPassword };

before(async () => {
  echo = await udpSocket(ends);
  echo.on('message', (bytes, { port }) => {
    heard.push({ port, text: bytes.toString('latin1') });
    echo.send(bytes, port, '127.0.0.1');
  });
  const names = await addressServer(context);
  names.says.set('echo.example.org', [['127.0.0.1']]);
  names.says.set('inner.example.org', [['10.1.2.3']]);
  // What may be reached when it is looked at, and an inner place a moment later.
  names.says.set('rebinding.example.org', [['127.0.0.1'], ['10.9.9.9']]);
  const proxy = (more: string): string =>
    `{ proxy: { ${more} }, access: [{ password: {} }], destinations: { resolver: ["${names.address}"], allow: ["127.0.0.1:*"] } }`;
  relayed = await startRelayed(context, {
    folder: await ownFolder(context as Parameters<typeof ownFolder>[0]),
    users: ['ana'],
    text: `services:\n  on: ${proxy('udp: true')}\n  off: ${proxy('socks5: true')}\n  hidden: ${proxy('udp: true, hide: true')}\n`,
  });
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

type Associated = Readonly<{ control: Socket; reply: readonly number[]; port: number }>;

/** Asks a door of this machine for UDP ASSOCIATE, as a program does. */
async function associate(door: number, from: readonly number[] = [0, 0]): Promise<Associated> {
  const control = connect(door, '127.0.0.1').on('error', () => undefined);
  ends.unshift(() => control.destroy());
  const said: number[] = [];
  control.on('data', (chunk: Buffer) => said.push(...chunk));
  control.write(Uint8Array.from([5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, ...from]));
  while (said.length < 12 && !control.destroyed) await Promise.race([once(control, 'data'), once(control, 'close')]);
  const reply = said.slice(2);
  return { control, reply, port: ((reply[8] ?? 0) << 8) | (reply[9] ?? 0) };
}

function wrapped(text: string | Buffer, port: number, host: readonly number[] | string = [127, 0, 0, 1], fragment = 0): Buffer {
  const to = typeof host === 'string' ? [3, host.length, ...Buffer.from(host)] : [1, ...host];
  return Buffer.from([0, 0, fragment, ...to, port >> 8, port & 255, ...Buffer.from(text as string)]);
}

async function received(socket: UdpSocket): Promise<string> {
  const [bytes] = (await once(socket, 'message')) as [Buffer];
  return unwrapped(bytes);
}

function unwrapped(bytes: Uint8Array): string {
  const read = readSocksDatagram(bytes);
  assert.ok(read !== null);
  return `${read.host}:${read.port} ${Buffer.from(read.data).toString('latin1')}`;
}

async function recordedNext(count: number): Promise<AuditEvent> {
  while (relayed.records().length <= count) await new Promise((turn) => setTimeout(turn, 5));
  const record = relayed.records().at(-1);
  assert.ok(record !== undefined);
  return record;
}

describe('UDP ASSOCIATE at `connect`, through a relay', () => {
  it('datagrams keep their bounds both ways, up to the longest, and the end of the connection is theirs', async () => {
    const count = relayed.records().length;
    const door = await relayed.door('on', ana);
    const { control, reply, port } = await associate(door.port);
    assert.deepEqual(reply.slice(0, 8), [5, 0, 0, 1, 127, 0, 0, 1]);
    const [client, there] = [await udpSocket(ends), echo.address().port];
    for (const length of [0, 1, 1_400, 65_497]) {
      const [data, answer] = [Buffer.alloc(length, length % 251), received(client)];
      client.send(wrapped(data, there), port, '127.0.0.1');
      assert.equal(await answer, `127.0.0.1:${there} ${data.toString('latin1')}`);
    }
    const got = new Set<string>();
    const all = Promise.withResolvers<void>();
    client.on('message', (bytes) => {
      got.add(unwrapped(bytes).split(' ')[1] ?? '');
      if (got.size === 50) all.resolve();
    });
    for (let at = 0; at < 50; at += 1) client.send(wrapped(`n${at}`, there), port, '127.0.0.1');
    await all.promise;
    control.end();
    const record = await recordedNext(count);
    assert.deepEqual([record.who, record.method, record.host, record.verdict, record.code], ['user:ana', 'UDP', '*:0', 'pass', null]);
    const before = heard.length;
    client.send(wrapped('late', there), port, '127.0.0.1');
    const other = await associate(door.port);
    client.send(wrapped('other', there), other.port, '127.0.0.1');
    await once(client, 'message');
    assert.deepEqual(
      heard.slice(before).map(({ text }) => text),
      ['other'],
    );
    assert.deepEqual(door.failures, []);
  });

  it('SOCKS UDP reflection: only the program that asked is heard and answered, by what it has written to', async () => {
    const door = await relayed.door('on', ana);
    const [client, second, elsewhere, stranger] = [
      await udpSocket(ends),
      await udpSocket(ends),
      await udpSocket(ends, '127.0.0.2'),
      await udpSocket(ends),
    ];
    const own = client.address().port;
    const { port } = await associate(door.port, [own >> 8, own & 255]);
    const there = echo.address().port;
    for (const each of [second, elsewhere]) each.on('message', () => assert.fail('somebody else was answered'));
    const count = heard.length;
    const sent = (socket: UdpSocket, text: string): Promise<unknown> =>
      new Promise((done) => socket.send(wrapped(text, there), port, '127.0.0.1', done));
    await sent(elsewhere, 'from another address');
    await sent(second, 'from another port');
    for (const text of ['mine', 'last']) {
      const answer = received(client);
      await sent(client, text);
      assert.match(await answer, new RegExp(`${text}$`));
      // A place that was not written to has nothing to say: the next that comes is the echo's.
      stranger.send('unasked', heard.at(-1)?.port ?? 0, '127.0.0.1');
    }
    assert.deepEqual(
      heard.slice(count).map(({ text }) => text),
      ['mine', 'last'],
    );
  });

  it('SSRF by datagrams: the gateway judges each, and its record says what was refused', async () => {
    const count = relayed.records().length;
    const { control, port } = await associate((await relayed.door('on', ana)).port);
    const [client, there, before] = [await udpSocket(ends), echo.address().port, heard.length];
    const bad = [
      wrapped('inner', 443, [10, 0, 0, 1]),
      wrapped('metadata', 443, [169, 254, 169, 254]),
      wrapped('ourselves', relayed.port),
      wrapped('fragment', there, [127, 0, 0, 1], 1),
      Buffer.from([0, 0, 0, 3, 200, 97]),
      Buffer.alloc(0),
    ];
    for (const each of bad) client.send(each, port, '127.0.0.1');
    const answer = received(client);
    client.send(wrapped('good', there), port, '127.0.0.1');
    assert.match(await answer, /good$/);
    control.destroy();
    assert.match((await recordedNext(count)).why ?? '', /^3 datagrams were not sent on, the first: 10\.0\.0\.1:443: /);
    assert.deepEqual(
      heard.slice(before).map(({ text }) => text),
      ['good'],
    );
  });

  it('DNS rebinding by datagrams: names are looked up by the gateway, and what they lead to is judged each time', async () => {
    const count = relayed.records().length;
    const { control, port } = await associate((await relayed.door('on', ana)).port);
    const [client, there, before] = [await udpSocket(ends), echo.address().port, heard.length];
    const send = (text: string, host: string): void => client.send(wrapped(text, there, host), port, '127.0.0.1');
    send('inner', 'inner.example.org');
    const first = received(client);
    send('public', 'rebinding.example.org');
    assert.match(await first, /^127\.0\.0\.1:\d+ public$/);
    // What is remembered grows old in a second.
    await new Promise((later) => setTimeout(later, 1_050));
    send('rebound', 'rebinding.example.org');
    const last = received(client);
    send('last', 'echo.example.org');
    assert.match(await last, /last$/);
    control.destroy();
    assert.match((await recordedNext(count)).why ?? '', /^2 datagrams were not sent on, the first: inner\.example\.org:\d+: /);
    assert.deepEqual(
      heard.slice(before).map(({ text }) => text),
      ['public', 'last'],
    );
  });

  it('credentials on this machine: who does not show them is refused, datagrams or not', async () => {
    const door = await relayed.door('on', ana, { user: 'me', password: 'and mine' });
    assert.equal((await associate(door.port)).reply[1], 2);
    assert.deepEqual(door.failures, []);
  });

  it('where the proxy takes none the program hears reply 7 and the person words; tunnels go on', async () => {
    const door = await relayed.door('off', ana);
    assert.equal((await associate(door.port)).reply[1], 7);
    const [failure] = door.failures;
    assert.ok(failure instanceof SallyportError);
    assert.equal(failure.code, 'method-refused');
    assert.match(`${failure.message} ${failure.hint ?? ''}`, /^off\.localhost:\d+ takes no datagrams \(UDP\)\. .*udp: true/);
    const wrong = await relayed.door('on', { user: 'ana', password: 'wrong' });
    assert.equal((await associate(wrong.port)).reply[1], 1);
    assert.deepEqual(
      wrong.failures.map((each) => (each as { code?: unknown }).code),
      ['connection-refused'],
    );
  });
});

describe('datagrams in a tunnel', () => {
  const place = `${datagramPlace.host}:${datagramPlace.port}`;
  const basic = `Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}`;

  /** Opens such a tunnel, says these bytes and the end, and hears the status and how the record ends. */
  async function said(
    service: string,
    bytes: Uint8Array,
    shown = `Proxy-Authorization: ${basic}\r\n`,
  ): Promise<readonly [string, AuditEvent]> {
    const count = relayed.records().length;
    const far = { host: '127.0.0.1', port: relayed.port, servername: `${service}.localhost`, ca: await readFile(relayed.ca) };
    const socket = connectTls(far).on('error', () => undefined);
    ends.unshift(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${shown}\r\n`);
    socket.end(bytes);
    return [(await once(socket, 'close'), /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? ''), await recordedNext(count)];
  }

  it('malformed datagrams: a length that none can have, and an end in the middle, end the tunnel', async () => {
    const [, long] = await said('on', Uint8Array.from([0xff, 0xe4, 0, 0, 0, 1]));
    assert.equal(long.code, 'frame-too-long');
    const [, cut] = await said('on', Uint8Array.from([0, 9, 0, 0]));
    assert.equal(cut.code, 'frame-malformed');
    const [, whole] = await said('on', framedDatagram(Buffer.from('nonsense')) ?? Buffer.alloc(0));
    assert.equal(whole.code, null);
  });

  it('a proxy that hides, or takes none, says of them what it says of any tunnel', async () => {
    const [hidden] = await said('hidden', Buffer.alloc(0), '');
    assert.equal(hidden, '405');
    const [off, record] = await said('off', Buffer.alloc(0));
    assert.deepEqual([off, record.code], ['501', 'method-refused']);
    const [stranger] = await said('off', Buffer.alloc(0), '');
    assert.equal(stranger, '407');
  });

  it('go over HTTP/2 as well, and end within a second when the service is closed', async () => {
    const far = { ca: await readFile(relayed.ca), host: '127.0.0.1', servername: 'on.localhost' };
    const session = connectHttp2(`https://on.localhost:${relayed.port}`, far).on('error', () => undefined);
    ends.unshift(() => session.destroy());
    const stream = session.request({ ':method': 'CONNECT', ':authority': place, 'proxy-authorization': basic }, { endStream: false });
    stream.on('error', () => undefined);
    const reader = new DatagramReader();
    const answer = Promise.withResolvers<string>();
    stream.on('data', (chunk: Buffer) => void reader.push(chunk, (datagram) => answer.resolve(unwrapped(datagram))));
    stream.write(framedDatagram(wrapped('by h2', echo.address().port)));
    assert.match(await answer.promise, /by h2$/);
    const { control } = await associate((await relayed.door('on', ana)).port);
    const since = performance.now();
    const closed = Promise.all([stream, control].map((each) => new Promise((ended) => each.once('close', ended))));
    await relayed.gateway.close('on');
    await closed;
    assert.ok(performance.now() - since < 1_000);
  });
});
