import assert from 'node:assert/strict';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { testTools } from '../../../../test/doubles/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import { http } from '../http.ts';

async function listening(context: TestContext, server: Server, where: number | string = 0): Promise<number> {
  await new Promise<void>((resolve) =>
    typeof where === 'string' ? server.listen(where, resolve) : server.listen(where, '127.0.0.1', resolve),
  );
  context.after(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 80;
}

/** The code of what the probe throws; null where it is satisfied. */
async function probed(options: object, path: string | null, withinMs = 2_000): Promise<string | null> {
  const tools = await testTools([]);
  const built = http.build(http.options.parse({ hosts: ['127.0.0.1'], from: null, port: 80, ...options }), tools);
  try {
    await built.probe?.({ path, withinMs });
    return null;
  } catch (error) {
    return error instanceof SallyportError ? error.code : String(error);
  } finally {
    await built.close();
  }
}

const answering: RequestListener = (request, response) => {
  const status = Number(request.url?.slice(1));
  response.statusCode = status >= 200 ? status : 405;
  response.end(`${request.method ?? ''} ${request.headers.host ?? ''}`);
};

test('a path is well with 2xx and 3xx, and without one any answer will do', async (context) => {
  const port = await listening(context, createHttp(answering));
  const found = await Promise.all([...['/200', '/302', '/404', '/503'], null].map((path) => probed({ port }, path)));
  assert.deepEqual(found, [null, null, 'upstream-broken', 'upstream-broken', null]);
});

test('what takes connections and says nothing is late, and what talks nonsense is no web server', async (context) => {
  const mute = createServer((socket) => void socket.resume().on('error', () => undefined));
  const liar = createServer(
    (socket) =>
      void socket
        .resume()
        .on('error', () => undefined)
        .end('HELLO\r\n\r\n'),
  );
  const [silent, nonsense] = await Promise.all([listening(context, mute), listening(context, liar)]);
  assert.equal(await probed({ port: silent }, null, 100), 'upstream-timed-out');
  assert.equal(await probed({ port: silent }, '/', 100), 'upstream-timed-out');
  assert.equal(await probed({ port: nonsense }, null), 'response-malformed');
});

test('where nobody listens it is refused', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await probed({ port }, null), 'upstream-refused');
});

test('unix sockets and HTTP/2 are asked as well', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-probe-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, 'app.sock');
  await listening(context, createHttp(answering), socket);
  assert.equal(await probed({ hosts: ['localhost'], socket }, '/200'), null);
  assert.equal(await probed({ hosts: ['localhost'], socket }, '/500'), 'upstream-broken');
  assert.equal(await probed({ hosts: ['localhost'], socket: `${socket}x` }, null), 'upstream-refused');
  const h2 = createHttp2((request, response) => {
    response.statusCode = request.url === '/well' || request.url === '*' ? 200 : 500;
    response.end();
  });
  const port = await listening(context, h2);
  assert.deepEqual(await Promise.all(['/well', '/ill', null].map((path) => probed({ port, speaks: 'h2c' }, path))), [
    null,
    'upstream-broken',
    null,
  ]);
});
