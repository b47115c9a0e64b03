/** A service of HTTP/2, in the clear and over TLS, asked by visitors of HTTP/2 and through the bridge. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { exchangeOf } from '../../../../test/doubles/exchange.ts';
import { limitsWith } from '../../../core/limits.ts';
import type { BuiltUpstream } from '../../../contracts/upstream.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { http } from '../http.ts';

type Context = { after: (done: () => Promise<void> | void) => void };

async function serving(context: Context, answer: (stream: ServerHttp2Stream, fields: Record<string, unknown>) => void): Promise<number> {
  const server: Http2Server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream: ServerHttp2Stream, fields) => {
    stream.on('error', () => undefined);
    answer(stream, fields);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}

function upstream(context: Context, port: number): BuiltUpstream {
  const options = http.options.parse({ hosts: ['127.0.0.1'], port, from: null, speaks: 'h2c' });
  // Nothing else of the tools is asked for.
  const built = http.build(options, { now: Date.now, limits: limitsWith({}) } as Tools);
  context.after(() => built.close());
  return built;
}

async function opened(
  built: BuiltUpstream,
  fresh = false,
): Promise<Readonly<{ stream: Duplex; reused: boolean; release: (reusable: boolean) => void }>> {
  const found = await built.open(exchangeOf(), { signal: new AbortController().signal }, fresh);
  assert.equal(found.is, 'stream');
  if (found.is !== 'stream') throw new Error('no stream');
  found.stream.on('error', () => undefined);
  return found;
}

/** What comes until `end`. */
async function heard(stream: Duplex, end: string): Promise<string> {
  let text = '';
  while (!text.endsWith(end)) {
    const [bytes] = (await once(stream, 'data')) as [Buffer];
    text += bytes.toString('latin1');
  }
  return text;
}

test('a request of HTTP/1.1 is a stream of HTTP/2, and its answer an answer of HTTP/1.1', async (context) => {
  const seen: Record<string, unknown>[] = [];
  const port = await serving(context, (stream, fields) => {
    seen.push(fields);
    stream.respond({ ':status': 200, 'content-length': 2, 'set-cookie': ['a=1', 'b=2'] });
    stream.end('ok');
  });
  const { stream } = await opened(upstream(context, port));
  stream.write('GET /a?b HTTP/1.1\r\nHost: blog.example:81\r\nAccept: */*\r\nTE: trailers\r\nConnection: TE\r\n\r\n');
  const text = await heard(stream, '\r\n\r\nok');
  assert.match(text, /^HTTP\/1\.1 200 \r\nset-cookie: a=1\r\nset-cookie: b=2\r\ndate: [^\r]+\r\nContent-Length: 2\r\n\r\nok$/);
  const { ':method': method, ':path': path, ':authority': authority, accept, te, connection } = seen[0] ?? {};
  assert.deepEqual([method, path, authority, accept, te, connection], ['GET', '/a?b', 'blog.example:81', '*/*', 'trailers', undefined]);
});

test('many exchanges share one connection, and both sides talk at once', async (context) => {
  const ports = new Set<number | undefined>();
  const port = await serving(context, (stream) => {
    ports.add(stream.session?.socket.remotePort);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('data', (bytes: Buffer) => stream.write(`<${bytes.toString()}>`));
    stream.on('end', () => stream.end());
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  });
  const built = upstream(context, port);
  const head = 'POST /svc/Talk HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n';
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { stream } = await opened(built);
      stream.write(`${head}3\r\none\r\n`);
      await heard(stream, '5\r\n<one>\r\n');
      stream.write('3\r\ntwo\r\n');
      await heard(stream, '5\r\n<two>\r\n');
      stream.write('0\r\n\r\n');
      await heard(stream, '0\r\ngrpc-status: 0\r\n\r\n');
    }),
  );
  assert.equal(ports.size, 1);
});

test('an answer that has its end on its head is whole in one piece, as gRPC refuses', async (context) => {
  const port = await serving(context, (stream) => stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true }));
  const { stream } = await opened(upstream(context, port));
  stream.write('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  const [bytes] = (await once(stream, 'data')) as [Buffer];
  assert.match(bytes.toString('latin1'), /\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$/);
});

test('half of an answer is no whole: a reset is seen as a break', async (context) => {
  // By CANCEL Node's server would end its answer first.
  const codes = [2, 7, 11];
  const port = await serving(context, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('half');
    stream.once('data', () => stream.close(codes.shift()));
  });
  for (let round = 0; round < 3; round += 1) {
    const { stream } = await opened(upstream(context, port));
    let text = '';
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    stream.write('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    await once(stream, 'close');
    assert.doesNotMatch(text, /\r\n0\r\n/);
  }
});

test('a service that says goodbye gets the next exchange on another connection', async (context) => {
  const port = await serving(context, (stream) => {
    stream.respond({ ':status': 204 });
    stream.end();
    stream.session?.goaway();
  });
  const built = upstream(context, port);
  for (let round = 0; round < 3; round += 1) {
    const { stream, release } = await opened(built, round === 2);
    stream.write('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    await heard(stream, '\r\n\r\n');
    release(true);
    await new Promise((done) => setTimeout(done, 20));
  }
});
