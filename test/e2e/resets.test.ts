/** Visitors who reset their connection at every point of its life: nothing breaks, nothing is left behind. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { startPlainGateway } from './plain-gateway.ts';
import { startService } from './service.ts';

const host = 'Host: web.localhost\r\n';
const body = 'x'.repeat(40_000);
/** One of each kind of exchange, pipelined where that says something. */
const conversations: readonly string[] = [
  `GET / HTTP/1.1\r\n${host}\r\n`.repeat(3),
  `POST / HTTP/1.1\r\n${host}Content-Length: ${body.length}\r\n\r\n${body}GET /after HTTP/1.1\r\n${host}\r\n`,
  `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n9c40\r\n${body}\r\n0\r\n\r\n`,
  `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  `GET /download/3000000 HTTP/1.1\r\n${host}\r\n`,
  `GET /held HTTP/1.1\r\n${host}\r\n`,
  `GET /echo HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\u0081\u0080abcd`,
  `GET / HTTP/1.0\r\n\r\n`,
  `BREW / HTTP/1.1\r\n\r\nwhat is this`,
];

type Target = Readonly<{ port: number; by: 'http' | 'relay'; bytes: Buffer }>;

/** Says the first `said` bytes and resets: at once, or when the first answer's bytes come. */
async function leave({ port, by, bytes }: Target, said: number, when: 'at once' | 'answered'): Promise<void> {
  const line: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  line.on('error', () => undefined);
  await once(line, 'connect');
  const socket = by === 'http' ? line : tls.connect({ socket: line, servername: 'web.localhost', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  socket.write(bytes.subarray(0, said));
  if (when === 'answered') {
    const patience = new Promise((resolve) => setTimeout(resolve, 20).unref());
    await Promise.race([once(socket, 'data').catch(() => undefined), patience]);
  } else await new Promise((resolve) => void setImmediate(resolve));
  line.resetAndDestroy();
  socket.destroy();
  if (!line.closed) await once(line, 'close').catch(() => undefined);
}

for (const by of ['http', 'relay'] as const) {
  test(`crash by unhandled: a reset at each of thirty points of each kind of exchange leaves nothing behind (${by})`, async (context) => {
    const service = await startService(context);
    const { port, gateway, events } = await startPlainGateway(context, service.port, {}, by);
    const points = by === 'http' ? 30 : 10;
    for (const text of conversations) {
      const target = { port, by, bytes: Buffer.from(text, 'latin1') };
      const visits: Promise<void>[] = [];
      for (let point = 0; point <= points; point += 1) {
        const said = Math.round((target.bytes.length * point) / points);
        visits.push(leave(target, said, 'at once'), leave(target, said, 'answered'));
      }
      await Promise.all(visits);
    }
    const live = (): number | undefined => gateway.status().services[0]?.live;
    for (let look = 0; look < 300 && live() !== 0; look += 1) await new Promise((resolve) => void setTimeout(resolve, 10));
    assert.equal(live(), 0);
    assert.deepEqual(
      events.filter((event) => event.event === 'error'),
      [],
    );
    const before = service.seen.length;
    const honest =
      by === 'http'
        ? connect(port, '127.0.0.1')
        : tls.connect({ port, host: '127.0.0.1', servername: 'web.localhost', rejectUnauthorized: false });
    honest.write(`GET /honest HTTP/1.1\r\nHost: web.localhost\r\nConnection: close\r\n\r\n`);
    const [answer] = (await once(honest, 'data')) as [Buffer];
    assert.match(answer.toString('latin1'), /^HTTP\/1\.1 200 /);
    assert.equal(service.seen.slice(before).at(-1)?.url, '/honest');
    honest.destroy();
  });
}
