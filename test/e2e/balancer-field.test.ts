/** Balancers that say in a field of each request who asks: believed of them alone, for guards, counts, the record and the service. */

import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { hear } from '../doubles/http2-door.ts';
import { freePort } from './free-port.ts';
import { startService } from './service.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

type Context = Parameters<typeof ownFolder>[0];
type Field = 'x-forwarded-for' | 'forwarded';

const balancer = '127.0.0.2';

/** `open` is public, `office` takes one address, `few` three requests an hour, `mine` whoever is on this machine. */
async function gateway(context: Context, header: Field) {
  const [service, port, tlsPort] = await Promise.all([startService(context), freePort(), freePort()]);
  const text = `listen:
  - { url: "http://127.0.0.1:${port}", trust: [${balancer}, 10.0.0.0/8], header: ${header} }
  - { url: "https://127.0.0.1:${tlsPort}", trust: [${balancer}, 10.0.0.0/8], header: ${header} }
network: shared
services:
  open: { at: open.test, to: ${service.port}, access: [public] }
  office: { at: office.test, to: ${service.port}, access: [{ ip: [198.51.100.7] }] }
  few: { at: few.test, to: ${service.port}, access: [public], limits: { requests: 3/h } }
  mine: { at: localhost, to: ${service.port}, access: [{ ip: [192.0.2.1] }] }
`;
  const running = await startWritten(context, { folder: await ownFolder(context), text });
  await running.event(isReady);
  return { ...running, service, port, tlsPort };
}

/** One connection of HTTP/1.1: asks, and resolves with the status. */
function connection(context: Context, port: number, localAddress: string): (host: string, ...lines: readonly string[]) => Promise<number> {
  const socket: Socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  context.after(async () => void socket.destroy());
  return async (host, ...lines) => {
    if (socket.destroyed) throw new Error('the connection ended');
    socket.write(['GET /seen HTTP/1.1', `Host: ${host}`, ...lines, '', ''].join('\r\n'));
    let text = '';
    while (!whole(text)) text += await piece(socket);
    return Number(text.slice(9, 12));
  };
}

/** What comes next; rejects when nothing does any more. */
function piece(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the connection ended'));
    socket.once('close', gone);
    socket.once('data', (bytes: Buffer) => {
      socket.off('close', gone);
      resolve(bytes.toString());
    });
    if (socket.destroyed) gone();
  });
}

function whole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  return end !== -1 && (length === undefined ? text.endsWith('0\r\n\r\n') : Buffer.byteLength(text) >= end + 4 + Number(length));
}

test('X-Forwarded spoofing: the field of a trusted balancer is believed from the right, and nobody else’s at all', async (context) => {
  const { port, service, events } = await gateway(context, 'x-forwarded-for');
  const told = (): string | undefined => {
    const headers = service.seen.findLast(({ url }) => url === '/seen')?.headers ?? [];
    return headers[headers.indexOf('X-Forwarded-For') + 1];
  };
  const ask = connection(context, port, balancer);
  assert.equal(await ask('office.test', 'X-Forwarded-For: 198.51.100.7'), 200);
  assert.equal(told(), '198.51.100.7');
  assert.equal(await ask('office.test', 'X-Forwarded-For: 198.51.100.7, 203.0.113.5'), 401, 'a visitor who says so');
  assert.equal(await ask('office.test', 'X-Forwarded-For: 198.51.100.7', 'x-forwarded-for: 203.0.113.5, 10.9.9.9'), 401);
  assert.equal(await ask('office.test', 'Forwarded: for=198.51.100.7', 'X-Real-IP: 198.51.100.7', 'X-Forwarded-For: 203.0.113.5'), 401);
  assert.equal(await ask('open.test', 'X-Forwarded-For: 203.0.113.5', 'Connection: X-Forwarded-For'), 200);
  assert.equal(told(), '203.0.113.5');
  // The same connection of the balancer carries the next visitor, and then the balancer itself.
  assert.equal(await ask('open.test', 'X-Forwarded-For: 2001:db8::7'), 200);
  assert.equal(told(), '2001:db8::7');
  assert.equal(await ask('open.test'), 200);
  assert.equal(told(), balancer);
  assert.equal(await ask('mine', 'X-Forwarded-For: 127.0.0.1').catch(() => 0), 401);
  assert.equal(await ask('localhost', 'X-Forwarded-For: 127.0.0.1'), 401, 'nobody is on this machine through a balancer');
  assert.equal(await ask('localhost'), 401);

  const stranger = connection(context, port, '127.0.0.3');
  assert.equal(await stranger('office.test', 'X-Forwarded-For: 198.51.100.7'), 401);
  assert.equal(await stranger('open.test', 'X-Forwarded-For: 198.51.100.7'), 200);
  assert.equal(told(), '127.0.0.3');

  const froms = events.flatMap((event) => (event.event === 'exchange' && event.record.service === 'office' ? [event.record.visitor] : []));
  assert.deepEqual(froms.slice(0, 2), ['198.51.100.7', '203.0.113.5']);
  const bad = connection(context, port, balancer);
  assert.equal(await bad('open.test', 'X-Forwarded-For: 198.51.100.7, unknown'), 400);
});

test('each visitor behind a balancer has a rate of their own, over HTTP/2 as well, and Forwarded is read alike', async (context) => {
  const { tlsPort, ca, service } = await gateway(context, 'forwarded');
  const raw = connect({ host: '127.0.0.1', port: tlsPort, localAddress: balancer });
  const socket = connectTls({ socket: raw, servername: 'few.test', ca: await readFile(ca), ALPNProtocols: ['h2'] });
  const client = connectHttp2('https://few.test', { createConnection: () => socket });
  client.on('error', () => undefined);
  context.after(async () => client.destroy());
  const ask = async (forwarded: string): Promise<number | undefined> =>
    (await hear(client.request({ ':path': '/seen', forwarded }))).status;
  for (const status of [200, 200, 200, 429]) assert.equal(await ask('for=127.0.0.1, for="[2001:db8::7]:5";proto=https'), status);
  const all = await Promise.all(['198.51.100.1', '198.51.100.2', '198.51.100.3'].map((ip) => ask(`for=${ip}`)));
  assert.deepEqual(all, [200, 200, 200]);
  const told = service.seen.filter(({ url }) => url === '/seen').map(({ headers }) => headers[headers.indexOf('X-Forwarded-For') + 1]);
  assert.deepEqual(told.slice(0, 3), Array(3).fill('2001:db8::7'));
  assert.deepEqual(new Set(told.slice(3)), new Set(['198.51.100.1', '198.51.100.2', '198.51.100.3']));
  assert.equal(await ask('for=unknown'), undefined);
});
