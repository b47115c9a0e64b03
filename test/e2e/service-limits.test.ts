/** Limits of one service in a gateway that runs: 413, 429 and 503, and what of it reaches the service. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { hear } from '../doubles/http2-door.ts';
import { freePort } from './free-port.ts';
import { sendRaw } from './raw.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

type Context = Parameters<typeof ownFolder>[0];

type Heard = Readonly<{ url: string; bytes: number; whole: boolean }>;

/** Notes each request, whole or not; `/held` is answered when the test says so. */
async function startNoting(context: Context) {
  const heard: Heard[] = [];
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => {
    let bytes = 0;
    const note = (whole: boolean): void => void heard.push({ url: request.url ?? '', bytes, whole });
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('error', () => undefined);
    request.on('close', () => {
      if (!request.complete) note(false);
    });
    request.on('end', () => {
      note(true);
      if (request.url === '/held') {
        held.push(response);
        server.emit('held');
      } else response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { port: (server.address() as AddressInfo).port, heard, held, server };
}

async function gateway(context: Context, limits: string, whole = '') {
  const [service, port, tlsPort] = await Promise.all([startNoting(context), freePort(), freePort()]);
  const text = `listen: ["http://127.0.0.1:${port}", "https://127.0.0.1:${tlsPort}"]
network: shared
services: { web: { to: ${service.port}, access: [public], limits: ${limits} } }
${whole}`;
  const running = await startWritten(context, { folder: await ownFolder(context), text });
  await running.event(isReady);
  return { ...running, service, port, tlsPort };
}

const head = (path: string, fields: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n');
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

test('large body: 413 before a byte reaches the service, or before the whole of one does, and never as another request', async (context) => {
  const { port, service } = await gateway(context, '{ body: 20KB }');
  const paths = (): readonly string[] => service.heard.map(({ url, whole }) => `${url} ${whole}`);
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';

  const fits = await sendRaw(head('/fits', ['Content-Length: 20000']) + 'x'.repeat(20_000), { port, answers: 1 });
  assert.deepEqual(fits.statuses, [200]);
  const said = await sendRaw(head('/said', ['Content-Length: 20001', 'Expect: 100-continue']), { port, answers: 1 });
  assert.deepEqual(said.statuses, [413]);
  const sent = await sendRaw(head('/sent', ['Content-Length: 60000']) + 'x'.repeat(20_001) + smuggled, { port, answers: 1 });
  assert.deepEqual(sent.statuses, [413]);
  assert.deepEqual(paths(), ['/fits true']);

  // Its end comes with the piece that is too much, or never.
  const ended = `${head('/ended', ['Transfer-Encoding: chunked'])}${chunk('x'.repeat(20_001))}0\r\n\r\n`;
  assert.deepEqual((await sendRaw(ended, { port, answers: 1 })).statuses, [413]);
  const pieces = head('/pieces', ['Transfer-Encoding: chunked']) + chunk('x'.repeat(18_000)).repeat(3);
  assert.deepEqual((await sendRaw(pieces, { port, answers: 1 })).statuses.slice(0, 1), [413]);
  assert.ok(!service.heard.some(({ url, whole }) => url === '/smuggled' || (whole && url !== '/fits')), paths().join());
});

test('large body: over HTTP/2 as well, and the connection goes on', async (context) => {
  const { tlsPort, ca, service } = await gateway(context, '{ body: 20KB }');
  const client = connectHttp2(`https://localhost:${tlsPort}`, { ca: await readFile(ca) });
  client.on('error', () => undefined);
  context.after(async () => client.destroy());
  const post = async (fields: Record<string, string>, bytes: number): Promise<number | undefined> => {
    const stream = client.request({ ':method': 'POST', ':path': '/h2', ...fields });
    stream.on('error', () => undefined);
    stream.end(Buffer.alloc(bytes));
    return (await hear(stream)).status;
  };
  assert.equal(await post({}, 20_000), 200);
  assert.equal(await post({ 'content-length': '20001' }, 20_001), 413);
  assert.equal(await post({}, 60_000), 413);
  assert.equal(await post({}, 1), 200);
  assert.deepEqual(
    service.heard.filter(({ whole }) => whole).map(({ bytes }) => bytes),
    [20_000, 1],
  );
});

test('large body: the limit of the gateway holds where a service says none, and its own where it does', async (context) => {
  const { port } = await gateway(context, '{}', 'limits: { bodyBytesMax: 10 }');
  assert.deepEqual((await sendRaw(head('/', ['Content-Length: 10']) + 'x'.repeat(10), { port, answers: 1 })).statuses, [200]);
  assert.deepEqual((await sendRaw(head('/', ['Content-Length: 11']) + 'x'.repeat(11), { port, answers: 1 })).statuses, [413]);
  const own = await gateway(context, '{ body: 11 }', 'limits: { bodyBytesMax: 10 }');
  assert.deepEqual((await sendRaw(head('/', ['Content-Length: 11']) + 'x'.repeat(11), { port: own.port, answers: 1 })).statuses, [200]);
});

test('request flood: 429 says when to come back, on a connection that goes on', async (context) => {
  const { port, service } = await gateway(context, '{ requests: 3/h }');
  const before = service.heard.length;
  const answer = await sendRaw('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5), { port, answers: 5 });
  assert.deepEqual(answer.statuses, [200, 200, 200, 429, 429]);
  assert.match(answer.text, /\r\nRetry-After: 1200\r\n/);
  assert.match(answer.text, /\r\nRateLimit-Policy: "requests";q=3;w=3600\r\n/);
  assert.equal(service.heard.length - before, 3);
});

test('connections to one service: who comes beyond them sees 503, until one is free', async (context) => {
  const { port, service } = await gateway(context, '{ connections: 1 }');
  const held = once(service.server, 'held');
  const first = sendRaw('GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n', { port, answers: 1 });
  await held;
  assert.deepEqual((await sendRaw('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', { port, answers: 1 })).statuses, [503]);
  service.held[0]?.end('at last');
  assert.deepEqual((await first).statuses, [200]);
  assert.deepEqual((await sendRaw('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', { port, answers: 1 })).statuses, [200]);
});
