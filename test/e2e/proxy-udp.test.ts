/** UDP ASSOCIATE: bound to its TCP connection, to one client, and to the places that this has written to. */

import assert from 'node:assert/strict';
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { readSocksDatagram } from '../../src/core/socks/datagram.ts';
import { freePort } from './free-port.ts';
import { udpSocket } from './sockets.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
let gateway: WrittenGateway;
let echo: UdpSocket;
/** From which ports the destination was written to, and what. */
const heard: Readonly<{ port: number; text: string }>[] = [];
const ports = { on: 0, off: 0 };

before(async () => {
  echo = await udpSocket(ends);
  echo.on('message', (bytes, { port }) => {
    heard.push({ port, text: bytes.toString() });
    echo.send(`echo ${bytes.toString()}`, port, '127.0.0.1');
  });
  ports.on = await freePort();
  ports.off = await freePort();
  const proxy = (port: number, more: string): string =>
    `{ proxy: { socks5: true, listen: "http://127.0.0.1:${port}"${more} }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"] } }`;
  gateway = await startWritten(context, {
    folder: await ownFolder(context),
    users: ['ana'],
    text: `services:\n  on: ${proxy(ports.on, ', udp: true')}\n  off: ${proxy(ports.off, '')}\n`,
  });
  await gateway.event((event): event is Extract<typeof event, { event: 'ready' }> => isReady(event) && event.service === 'off');
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));
const counted = (text: string): readonly number[] => [text.length, ...Buffer.from(text)];

type Associated = Readonly<{ control: Socket; reply: Buffer; port: number }>;

async function associate(port: number, password = goodPassword, from: readonly number[] = [0, 0]): Promise<Associated> {
  const control = connect(port, '127.0.0.1').on('error', () => undefined);
  ends.unshift(() => control.destroy());
  const said: Buffer[] = [];
  control.on('data', (chunk: Buffer) => said.push(chunk));
  const next = async (length: number): Promise<Buffer> => {
    while (Buffer.concat(said).length < length && !control.destroyed) await new Promise((turn) => setTimeout(turn, 2));
    return Buffer.concat(said);
  };
  control.write(Uint8Array.from([5, 1, 2]));
  await next(2);
  control.write(Uint8Array.from([1, ...counted('ana'), ...counted(password)]));
  await next(4);
  control.write(Uint8Array.from([5, 3, 0, 1, 0, 0, 0, 0, ...from]));
  const reply = (await next(14)).subarray(4);
  return { control, reply, port: reply.length >= 10 ? reply.readUInt16BE(8) : 0 };
}

function wrapped(text: string, port: number, host = [127, 0, 0, 1], fragment = 0): Buffer {
  return Buffer.from([0, 0, fragment, 1, ...host, port >> 8, port & 255, ...Buffer.from(text)]);
}

/** The next datagram for the client. */
async function received(socket: UdpSocket): Promise<string> {
  const [bytes] = (await once(socket, 'message')) as [Buffer];
  const read = readSocksDatagram(bytes);
  assert.ok(read !== null);
  return `${read.host}:${read.port} ${Buffer.from(read.data).toString()}`;
}

describe('UDP ASSOCIATE', () => {
  it('datagrams go both ways, wrapped; the connection’s end is theirs, and one line is left', async () => {
    const { control, reply, port } = await associate(ports.on);
    assert.deepEqual([...reply.subarray(0, 8)], [5, 0, 0, 1, 127, 0, 0, 1]);
    const client = await udpSocket(ends);
    const there = echo.address().port;
    for (const text of ['one', 'two']) {
      const answer = received(client);
      client.send(wrapped(text, there), port, '127.0.0.1');
      assert.equal(await answer, `127.0.0.1:${there} echo ${text}`);
    }
    control.end();
    await new Promise((closed) => control.once('close', closed));
    while (!records().some(({ method }) => method === 'UDP')) await new Promise((turn) => setTimeout(turn, 5));
    const record = records().find(({ method }) => method === 'UDP');
    assert.deepEqual([record?.who, record?.verdict, record?.bytesIn], ['user:ana', 'pass', 26]);
    const count = heard.length;
    client.send(wrapped('late', there), port, '127.0.0.1');
    const other = await associate(ports.on);
    client.send(wrapped('other', there), other.port, '127.0.0.1');
    await once(client, 'message');
    assert.deepEqual(
      heard.slice(count).map(({ text }) => text),
      ['other'],
    );
  });

  it('SOCKS UDP reflection: nobody but the client is heard, and nobody but the client is answered', async () => {
    const { port } = await associate(ports.on);
    const [client, second, elsewhere] = [await udpSocket(ends), await udpSocket(ends), await udpSocket(ends, '127.0.0.2')];
    const there = echo.address().port;
    for (const each of [second, elsewhere]) each.on('message', () => assert.fail('somebody else was answered'));
    const count = heard.length;
    elsewhere.send(wrapped('from another address', there), port, '127.0.0.1');
    const answer = received(client);
    // In the order in which they were sent: the first came before this one, if it came at all.
    await new Promise((turn) => setTimeout(turn, 20));
    client.send(wrapped('mine', there), port, '127.0.0.1');
    assert.match(await answer, /echo mine$/);
    second.send(wrapped('from another port', there), port, '127.0.0.1');
    const again = received(client);
    client.send(wrapped('again', there), port, '127.0.0.1');
    await again;
    assert.deepEqual(
      heard.slice(count).map(({ text }) => text),
      ['mine', 'again'],
    );
    // A place that was not written to has nothing to say to the client.
    const stranger = await udpSocket(ends);
    stranger.send('unasked', heard.at(-1)?.port ?? 0, '127.0.0.1');
    const last = received(client);
    client.send(wrapped('last', there), port, '127.0.0.1');
    assert.match(await last, /echo last$/);
  });

  it('SSRF by datagrams: each is judged; fragments and nonsense are dropped', async () => {
    const { control, port } = await associate(ports.on);
    const client = await udpSocket(ends);
    const there = echo.address().port;
    const count = heard.length;
    const bad = [
      wrapped('inner', 443, [10, 0, 0, 1]),
      wrapped('metadata', 443, [169, 254, 169, 254]),
      wrapped('ourselves', ports.on),
      wrapped('fragment', there, [127, 0, 0, 1], 1),
      wrapped('port 0', 0),
      Buffer.from([0, 0, 0, 3, 200, 97]),
      Buffer.from([1, 0, 0, 1, 127, 0, 0, 1, there >> 8, there & 255, 120]),
      Buffer.alloc(0),
    ];
    for (const each of bad) client.send(each, port, '127.0.0.1');
    const answer = received(client);
    client.send(wrapped('good', there), port, '127.0.0.1');
    assert.match(await answer, /echo good$/);
    assert.deepEqual(
      heard.slice(count).map(({ text }) => text),
      ['good'],
    );
    const before = records().length;
    control.destroy();
    while (records().length === before) await new Promise((turn) => setTimeout(turn, 5));
    assert.match(records().at(-1)?.why ?? '', /^4 datagrams were not sent on, the first: 10\.0\.0\.1:443: /);
  });

  it('is off unless it was asked for, and nobody’s who is not known', async () => {
    const { reply } = await associate(ports.off);
    assert.equal(reply[1], 7);
    const wrong = await associate(ports.on, 'not this one');
    assert.equal(wrong.reply[1], 2);
    const count = heard.length;
    assert.equal(heard.length, count);
  });

  it('a client that says its port is heard from that port alone', async () => {
    const [client, other] = [await udpSocket(ends), await udpSocket(ends)];
    const own = client.address().port;
    const { port } = await associate(ports.on, goodPassword, [own >> 8, own & 255]);
    const there = echo.address().port;
    const count = heard.length;
    other.send(wrapped('first', there), port, '127.0.0.1');
    await new Promise((turn) => setTimeout(turn, 20));
    const answer = received(client);
    client.send(wrapped('said', there), port, '127.0.0.1');
    assert.match(await answer, /echo said$/);
    assert.deepEqual(
      heard.slice(count).map(({ text }) => text),
      ['said'],
    );
  });
});
