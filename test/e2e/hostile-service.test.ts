/** A service is an attacker too: nothing it says may reach a visitor who did not ask, or be read in two ways. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { startPlainGateway } from './plain-gateway.ts';
import { sendRaw } from './raw.ts';

/** What it answers instead of an honest answer; the request's own path stands in `mark`. */
const lies: Readonly<Record<string, (mark: string) => string>> = {
  'two-lengths': () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\nok',
  'length-and-chunks': () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'body-on-204': () => 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nstray',
  'body-on-304': () => 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nstray',
  'a-second-answer': (mark) =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`,
  'obs-fold': () => 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok',
  'bare-line-feeds': () => 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
  'interim-flood': () => 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(500),
  'unasked-switch': () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nevil',
  'endless-head': () => `HTTP/1.1 200 OK\r\n${'X-Fill: 0123456789\r\n'.repeat(3_000)}`,
  'bad-chunk': () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n',
  'half-an-answer': () => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
  nonsense: () => '220 mail.example ESMTP\r\n',
  'nothing-at-all': () => '',
};

/** Answers each request by its path, lies as told, and talks out of turn after `/late/…`. */
async function startLiar(context: { after: (done: () => Promise<void>) => void }): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const path = text.split(' ', 2)[1] ?? '';
        text = text.slice(end + 4);
        answer(socket, path);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function answer(socket: Socket, path: string): void {
  const [, kind = '', mark = ''] = path.split('/');
  const lie = lies[kind];
  if (lie === undefined) {
    const body = `id=${mark}`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    if (kind === 'late') setImmediate(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'));
    return;
  }
  socket.write(lie(mark), 'latin1');
  if (kind === 'half-an-answer' || kind === 'nothing-at-all') socket.end();
}

type Got = Readonly<{ status: number | null; body: string; whole: boolean }>;

function get(port: number, path: string, agent: Agent): Promise<Got> {
  return new Promise((resolve) => {
    const sent = request({ port, path, agent, host: '127.0.0.1' }, (response) => {
      let body = '';
      response.on('data', (bytes: Buffer) => (body += bytes.toString()));
      response.on('close', () => resolve({ status: response.statusCode ?? null, body, whole: response.complete }));
      response.on('error', () => undefined);
    });
    sent.on('error', () => resolve({ status: null, body: '', whole: false }));
    sent.end();
  });
}

test('response side: each lie of a service is a 502 or a broken connection, never an answer that looks whole', async (context) => {
  const { port } = await startPlainGateway(context, await startLiar(context));
  for (const kind of Object.keys(lies)) {
    const agent = new Agent({ keepAlive: true });
    const got = await get(port, `/${kind}/x1`, agent);
    agent.destroy();
    assert.doesNotMatch(got.body, /evil|stray/, kind);
    if (kind === 'a-second-answer') assert.deepEqual(got, { status: 200, body: 'x1', whole: true });
    // A length on 304 is what GET would have had (RFC 9110, 8.6); the bytes after it belong to nobody.
    else if (kind === 'body-on-304') assert.deepEqual(got, { status: 304, body: '', whole: true });
    else assert.ok(got.status === 502 || !got.whole, `${kind}: ${JSON.stringify(got)}`);
  }
});

test('response-queue poisoning: of a thousand interleaved visitors each gets its own answer', async (context) => {
  const { port, events } = await startPlainGateway(context, await startLiar(context), { connectionsPerAddressMax: 1_000 });
  const agent = new Agent({ keepAlive: true, maxSockets: 24 });
  context.after(async () => agent.destroy());
  const kinds = [...Object.keys(lies), 'late'];
  const wrong: string[] = [];
  await Promise.all(
    Array.from({ length: 1_000 }, async (_, id) => {
      const lying = id % 3 === 0 ? (kinds[id % kinds.length] ?? 'late') : 'honest';
      const got = await get(port, `/${lying}/${id}`, agent);
      const own = lying === 'a-second-answer' ? String(id) : `id=${id}`;
      if (got.body !== '' && got.status === 200 && got.whole && got.body !== own) wrong.push(`${id} got ${got.body}`);
      if (lying === 'honest' && got.body !== own) wrong.push(`${id} (honest) got ${JSON.stringify(got)}`);
    }),
  );
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    events.filter((event) => event.event === 'error'),
    [],
  );
});

type ResponseVector = Readonly<{ name: string; raw: string; expect: 'accept' | 'refuse'; method?: string }>;

test('every vector of the response corpus behind a gateway: refused ones reach no visitor as a whole answer', async (context) => {
  const vectors = JSON.parse(
    readFileSync(new URL('../vectors/http1-responses.json', import.meta.url), 'utf8'),
  ) as readonly ResponseVector[];
  assert.ok(vectors.length > 20);
  let raw: Buffer = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(raw));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => void server.close());
  const { port } = await startPlainGateway(context, (server.address() as AddressInfo).port);
  for (const vector of vectors) {
    raw = Buffer.from(vector.raw, 'latin1');
    const method = vector.method ?? 'GET';
    if (method !== 'GET' && method !== 'HEAD') continue;
    const got = await sendRaw(`${method} / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`, { port, silentMs: 1_000 });
    if (vector.expect === 'refuse') assert.ok(got.statuses.at(-1) === 502 || got.closed, `${vector.name}: ${got.text}`);
    // Nobody asked for the switch here; the reader's own test has it asked for.
    else if (!vector.raw.includes(' 101 ')) assert.notEqual(got.statuses.at(-1), 502, `${vector.name}: ${got.text}`);
  }
});
