/** HTTP/2 to a proxy: each CONNECT is a stream of its own, and so is each refusal. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { createServer as createRawServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { hear } from '../doubles/http2-door.ts';
import { freePort } from './free-port.ts';
import { listening } from './sockets.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const taken = new Set<Socket>();
let gateway: WrittenGateway;
let session: ClientHttp2Session;
let ports: Readonly<{ echo: number; web: number; broken: number; own: number }>;
let heard: string[] = [];

const good = { 'proxy-authorization': `Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}` };

before(async () => {
  const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
  const folder = await ownFolder(context);
  const echo = createRawServer({ allowHalfOpen: true }, (socket) => {
    taken.add(socket.on('error', () => undefined).once('close', () => taken.delete(socket)));
    socket.pipe(socket);
  });
  const broken = createRawServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.resetAndDestroy());
  });
  const web = createServer((request, response) => {
    heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
    request.resume().once('end', () => response.end(`you asked for ${request.url}`));
  });
  const own = await freePort();
  ports = { echo: await listening(echo, ends), web: await listening(web, ends), broken: await listening(broken, ends), own };
  gateway = await startWritten(context, {
    folder,
    users: ['ana'],
    text: `services:
  out: { proxy: { listen: "https://127.0.0.1:${own}" }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"] } }
`,
  });
  await gateway.event(isReady);
  session = connect(`https://127.0.0.1:${own}`, { ca: await readFile(gateway.ca) }).on('error', () => undefined);
  ends.unshift(() => session.destroy());
  await once(session, 'connect');
});
after(async () => {
  for (const socket of taken) socket.destroy();
  for (const end of ends.splice(0)) await end();
});

const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));

function ask(fields: OutgoingHttpHeaders): ClientHttp2Stream {
  return session.request(fields, { endStream: false }).on('error', () => undefined);
}

function tunnel(port: number, shown: object = good): ClientHttp2Stream {
  return ask({ ':method': 'CONNECT', ':authority': `127.0.0.1:${port}`, ...shown });
}

async function answered(stream: ClientHttp2Stream): Promise<number | undefined> {
  const [fields] = (await once(stream, 'response')) as [Readonly<{ ':status'?: number }>];
  return fields[':status'];
}

/** What a CONNECT that is refused is answered; the stream is over then. */
async function refusal(stream: ClientHttp2Stream): Promise<Awaited<ReturnType<typeof hear>>> {
  return hear(stream);
}

describe('CONNECT in HTTP/2', () => {
  it('many tunnels of one connection, each with its own ends, and bytes before the answer wait for it', async () => {
    const streams = Array.from({ length: 20 }, () => tunnel(ports.echo));
    const said = await Promise.all(
      streams.map(async (stream, at) => {
        stream.write(`early ${at} `);
        assert.equal(await answered(stream), 200);
        let text = '';
        stream.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
        stream.end('and late');
        await once(stream, 'close');
        return text;
      }),
    );
    assert.deepEqual(
      said,
      streams.map((_stream, at) => `early ${at} and late`),
    );
    while (records().length < 20) await new Promise((turn) => setTimeout(turn, 5));
    const [record] = records();
    assert.deepEqual(
      [record?.who, record?.method, record?.verdict, record?.host],
      ['user:ana', 'CONNECT', 'pass', `127.0.0.1:${ports.echo}`],
    );
  });

  it('a megabyte both ways arrives whole, whoever reads slowly', async () => {
    const stream = tunnel(ports.echo);
    assert.equal(await answered(stream), 200);
    const sent = Buffer.alloc(1_048_576, 'x');
    stream.end(sent);
    let count = 0;
    stream.on('data', (chunk: Buffer) => {
      count += chunk.length;
      if (count % 7 === 0) {
        stream.pause();
        setImmediate(() => stream.resume());
      }
    });
    await once(stream, 'end');
    assert.equal(count, sent.length);
  });

  it('407 is a stream’s own: the others go on', async () => {
    const running = tunnel(ports.echo);
    assert.equal(await answered(running), 200);
    const none = await refusal(tunnel(ports.echo, {}));
    assert.equal(none.status, 407);
    assert.match(String(none.fields['proxy-authenticate']), /^Basic realm=/);
    const wrong = await refusal(tunnel(ports.echo, { 'proxy-authorization': `Basic ${Buffer.from('ana:no').toString('base64')}` }));
    assert.equal(wrong.status, 407);
    running.write('still here');
    const [bytes] = (await once(running, 'data')) as [Buffer];
    assert.equal(bytes.toString(), 'still here');
    running.end();
    await hear(running);
  });

  it('a destination that breaks is CONNECT_ERROR, and a client that resets its stream breaks it towards the destination', async () => {
    const broken = tunnel(ports.broken);
    assert.equal(await answered(broken), 200);
    broken.write('x');
    assert.equal((await hear(broken)).rst, constants.NGHTTP2_CONNECT_ERROR);
    const reset = tunnel(ports.echo);
    assert.equal(await answered(reset), 200);
    reset.write('x');
    await once(reset, 'data');
    assert.equal(taken.size, 1);
    const [socket] = taken;
    reset.close(constants.NGHTTP2_CANCEL);
    if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
  });

  it('h2 CONNECT to forbidden address: inner places, ourselves, and what has no single reading', async () => {
    for (const authority of ['10.0.0.1:443', '169.254.169.254:443', '[::1]:443', 'localhost:443', `127.0.0.1:${ports.own}`]) {
      const { status } = await refusal(ask({ ':method': 'CONNECT', ':authority': authority, ...good }));
      assert.equal(status, 403, authority);
    }
    for (const authority of ['a.example', 'a.example:0', 'ana@a.example:443', '127.1:443', '0x7f000001:443', '::1:443']) {
      // nghttp2 resets some of them itself.
      const { status = 400 } = await refusal(ask({ ':method': 'CONNECT', ':authority': authority, ...good }));
      assert.equal(status, 400, authority);
    }
  });

  it('body before the 200: nothing of it reaches a place that is refused, or a stranger’s', async () => {
    const before = taken.size;
    for (const shown of [{}, { 'proxy-authorization': 'Basic x' }]) {
      const stream = tunnel(ports.echo, shown);
      stream.write(Buffer.alloc(30_000));
      assert.equal((await refusal(stream)).status, 407);
    }
    assert.equal(taken.size, before);
  });
});

describe('requests for http in HTTP/2', () => {
  it('are led where :authority says; https is asked for by CONNECT', async () => {
    heard = [];
    const stream = ask({ ':scheme': 'http', ':authority': `127.0.0.1:${ports.web}`, ':path': '/p?q', authorization: 'theirs', ...good });
    stream.end();
    const { status, body } = await hear(stream);
    assert.deepEqual([status, body], [200, 'you asked for /p?q']);
    assert.match(heard[0] ?? '', /^GET \/p\?q .*"authorization":"theirs".*"via":"2\.0 sallyport"/);
    assert.doesNotMatch(heard[0] ?? '', /proxy-|x-forwarded/);
    const https = ask({ ':scheme': 'https', ':authority': `127.0.0.1:${ports.web}`, ':path': '/', ...good });
    https.end();
    assert.notEqual((await hear(https)).status, 200);
    assert.equal(heard.length, 1);
  });

  it('a WebSocket by extended CONNECT is refused: it has a tunnel', async () => {
    await new Promise((turn) => setImmediate(turn));
    assert.notEqual(session.remoteSettings.enableConnectProtocol, true);
  });
});
