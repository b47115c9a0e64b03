/** HTTP/2 from a visitor through a relay to services of HTTP/1.1 and of gRPC's kind: the relay is blind to all of it. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect as connectHttp2, createServer, type ClientHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { hear } from '../doubles/http2-door.ts';
import { curl, withoutCurl } from './curl.ts';
import { text } from './lines.ts';
import { wordsFor } from './machines.ts';
import { freshHome, runInside, type Line } from './program.ts';
import { startService } from './service.ts';

type Context = Parameters<typeof freshHome>[0];

/** A server as gRPC has them: each message is answered while the next is awaited, and the status is a trailer. */
async function startTalker(context: Context): Promise<number> {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('data', (bytes: Buffer) => stream.write(`<${bytes.toString()}>`));
    stream.on('end', () => stream.end());
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'all said' }));
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** No DNS knows the name: the connection goes to this machine, and the handshake says it. */
async function visitor(context: Context, ready: Line): Promise<ClientHttp2Session> {
  const { hostname, port, origin } = new URL(text(ready, 'url'));
  const ca = await readFile(text(ready, 'ca'));
  const secure = { host: '127.0.0.1', port: Number(port), servername: hostname, ca, ALPNProtocols: ['h2'] };
  const session = connectHttp2(origin, { createConnection: () => connect(secure) });
  context.after(async () => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

/** A short text of a WebSocket, masked as visitors must (RFC 6455, 5.3). */
function masked(words: string): Buffer {
  const bytes = Buffer.from(words);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([Buffer.from([0x81, 0x80 + bytes.length]), mask, bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

test('a visitor speaks HTTP/2 through the relay: pages, uploads, a WebSocket, and gRPC with both sides talking', async (context) => {
  const [service, talker, home] = await Promise.all([startService(context), startTalker(context), freshHome(context)]);
  const file = join(home, 'sallyport.yaml');
  const access = 'access: [public]';
  await writeFile(file, `services:\n  web: { to: ${service.port}, ${access} }\n  talk: { to: 'h2c://127.0.0.1:${talker}', ${access} }\n`);
  const program = runInside(context, ['up', '--config', file], { home });
  const [web, talk] = await Promise.all(['web', 'talk'].map((name) => program.line('ready', (line) => line['service'] === name)));
  if (web === undefined || talk === undefined) throw new Error('nothing is ready');

  const client = await visitor(context, web);
  const pages = await Promise.all(Array.from({ length: 20 }, (_, index) => hear(client.request({ ':path': `/page/${index}` }))));
  assert.deepEqual(new Set(pages.map(({ status }) => status)), new Set([200]));
  const upload = client.request({ ':path': '/upload', ':method': 'POST' });
  upload.end(Buffer.alloc(500_000, 'x'));
  assert.equal((await hear(upload)).status, 200);
  assert.equal(service.seen.find(({ url }) => url === '/upload')?.bytes, 500_000);
  assert.equal((await hear(client.request({ ':path': '/download/1000000' }))).body.length, 1_000_000);

  const socket = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/echo', 'sec-websocket-version': '13' });
  const [opened] = (await once(socket, 'response')) as [Record<string, unknown>];
  assert.equal(opened[':status'], 200);
  socket.write(masked('hello'));
  const [echo] = (await once(socket, 'data')) as [Buffer];
  assert.equal(echo.subarray(2).toString(), 'hello');
  socket.close();

  const call = (await visitor(context, talk)).request({
    ':path': '/svc/Talk',
    ':method': 'POST',
    te: 'trailers',
    'content-type': 'application/grpc',
  });
  const said: string[] = [];
  for (const word of ['one', 'two', 'three']) {
    call.write(word);
    const [bytes] = (await once(call, 'data')) as [Buffer];
    said.push(bytes.toString());
  }
  call.end();
  const heard = await hear(call);
  assert.deepEqual(said, ['<one>', '<two>', '<three>']);
  assert.deepEqual([heard.trailers['grpc-status'], heard.trailers['grpc-message'], heard.rst], ['0', 'all said', 0]);

  if (withoutCurl === false) {
    const got = await curl(['--http2', '-i', ...wordsFor(web), text(web, 'url')]);
    assert.match(got.body, /^HTTP\/2 200/);
  } else context.diagnostic(withoutCurl);
  const { port, hostname } = new URL(text(web, 'url'));
  const words = ['-n', '200', '-c', '2', '-m', '10', `--connect-to=127.0.0.1:${port}`, `https://${hostname}:${port}/`];
  const load = await loaded(words);
  if (load === null) context.diagnostic('not run: no h2load');
  else assert.match(load, /200 succeeded, 0 failed/);

  const goodbye = once(client, 'goaway');
  await program.stop();
  const [code] = (await goodbye) as [number];
  assert.equal(code, 0);
});

/** What h2load said; null where there is none. The service is in this process, which must not wait. */
function loaded(words: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile('h2load', [...words], { timeout: 10_000 }, (error, said) => resolve(error?.code === 'ENOENT' ? null : said));
  });
}
