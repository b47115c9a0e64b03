/** The PROXY protocol at real sockets: towards services, and from balancers that are trusted and ones that are not. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { loadIdentity } from '../../src/controlplane/certificates/identity.ts';
import type { Address } from '../../src/core/address.ts';
import { proxyHeader, ProxyHeaderReader } from '../../src/core/proxy-protocol.ts';
import { createServer as createTlsServer } from 'node:tls';
import { freePort } from './free-port.ts';
import { freshHome, recorded, runInside, type Recorded, type Serving } from './program.ts';
import { shake, startOwnTls } from './own-tls.ts';
import { startService } from './service.ts';

type Context = Parameters<typeof freshHome>[0];

/** A service that wants a header before anything else; `from` holds who was said to come. */
async function startBehindHeader(
  context: Context,
  serve: (socket: Socket) => void,
): Promise<Readonly<{ port: number; from: (Address | null)[] }>> {
  const from: (Address | null)[] = [];
  const server = createServer((socket) => {
    const reader = new ProxyHeaderReader(4_096);
    socket.on('error', () => undefined);
    const data = (bytes: Buffer): void => {
      const reading = reader.push(bytes);
      if (reading.is === 'refused') socket.destroy();
      if (reading.is !== 'header') return;
      socket.off('data', data).pause();
      from.push(reading.from);
      socket.unshift(bytes.subarray(reading.next));
      serve(socket);
    };
    socket.on('data', data);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => void server.close());
  return { port: (server.address() as AddressInfo).port, from };
}

async function gateway(
  context: Context,
  yaml: string,
  names: readonly string[],
): Promise<Readonly<{ program: Serving; file: string; home: string }>> {
  const home = await freshHome(context);
  const file = join(await freshHome(context), 'sallyport.yaml');
  await writeFile(file, yaml);
  const program = runInside(context, ['gateway', '--config', file], { home });
  await Promise.all(names.map((name) => program.line('ready', ({ service }) => service === name)));
  return { program, file, home };
}

test('services are told who comes: http and tcp and tls, version 1 and 2, each visitor on a connection of their own', async (context) => {
  const web = await startBehindHeader(context, (socket) => {
    socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')).resume();
  });
  const { privateKey, certificate } = await loadIdentity(join(await freshHome(context), 'keys'), 'gateway');
  const inner = createTlsServer({ key: privateKey, cert: certificate }, (socket) => socket.on('error', () => undefined).pipe(socket));
  const tls = await startBehindHeader(context, (socket) => void inner.emit('connection', socket));
  const port = await freePort();
  await gateway(
    context,
    `listen: https://127.0.0.1:${port}
services:
  web: { at: web.test, to: "127.0.0.1:${web.port}", access: [public], proxy: v1 }
  own: { at: own.test, to: "tls://127.0.0.1:${tls.port}", access: [public], proxy: v2 }
`,
    ['web', 'own'],
  );
  const one = await shake(context, port, 'web.test');
  for (let each = 0; each < 2; each += 1) {
    one.socket.write('GET / HTTP/1.1\r\nHost: web.test\r\n\r\n');
    assert.match(String((await once(one.socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
  }
  const ports = web.from.map((from) => [from?.ip, from?.port]);
  assert.deepEqual(ports, [
    ['127.0.0.1', one.socket.localPort],
    ['127.0.0.1', one.socket.localPort],
  ]);
  const two = await shake(context, port, 'own.test');
  two.socket.write('hello');
  assert.equal(String((await once(two.socket, 'data'))[0]), 'hello');
  assert.deepEqual(tls.from.at(-1), { ip: '127.0.0.1', port: two.socket.localPort });
  assert.deepEqual(tls.from[0], null, 'our own check speaks for itself');
});

const linuxOnly = process.platform === 'linux' ? false : 'not run: no second loopback address';

/** Comes from one of our loopback addresses, says `preamble`, shakes hands and asks for `/`; the whole answer, or '' when it is cut. */
async function ask(context: Context, port: number, from: string, preamble: Uint8Array | string, name = 'web.test'): Promise<string> {
  const plain = connect({ host: '127.0.0.1', port, localAddress: from });
  context.after(async () => void plain.destroy());
  plain.on('error', () => undefined);
  plain.write(preamble);
  const socket = connectTls({ socket: plain, servername: name, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  let answer = '';
  socket.on('error', () => undefined).on('data', (bytes: Buffer) => (answer += bytes.toString()));
  socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}

test(
  'PROXY header forged: a balancer that is trusted is believed, must send one, and nobody else may',
  { skip: linuxOnly },
  async (context) => {
    const web = await startService(context);
    const port = await freePort();
    const yaml = (trust: string): string => `listen: { url: "https://127.0.0.1:${port}", trust: [${trust}] }
network: shared
services:
  web: { at: web.test, to: "127.0.0.1:${web.port}", access: [{ ip: [198.51.100.0/24] }] }
`;
    const { program, file, home } = await gateway(context, yaml('127.0.0.2'), ['web']);
    const visitor = { ip: '198.51.100.7', port: 5 };
    for (const version of ['v1', 'v2'] as const) {
      assert.match(await ask(context, port, '127.0.0.2', proxyHeader(version, visitor, 443)), /^HTTP\/1\.1 200 /, version);
      const { headers } = web.seen.at(-1) ?? { headers: [] };
      assert.equal(headers[headers.findIndex((name) => name.toLowerCase() === 'x-forwarded-for') + 1], '198.51.100.7');
    }
    const reached = web.seen.length;
    // The same bytes from anybody else are no TLS, and so is a trusted one that says nothing first.
    for (const version of ['v1', 'v2'] as const)
      assert.equal(await ask(context, port, '127.0.0.1', proxyHeader(version, visitor, 443)), '');
    for (const preamble of ['', 'PROXY TCP4 1.2.3.4\r\n', `PROXY ${'x'.repeat(200)}`])
      assert.equal(await ask(context, port, '127.0.0.2', preamble), '');
    // Who speaks for himself is no visitor of the network that may come in; and nobody is local through a balancer.
    assert.match(await ask(context, port, '127.0.0.2', proxyHeader('v2', null, 443)), /^HTTP\/1\.1 401 /);
    for (const ip of ['127.0.0.1', '::1'])
      assert.match(await ask(context, port, '127.0.0.2', proxyHeader('v2', { ip, port: 1 }, 443)), /^HTTP\/1\.1 401 /);
    // Without a balancer, on this machine: free, as `network: shared` has it.
    assert.match(await ask(context, port, '127.0.0.1', ''), /^HTTP\/1\.1 200 /);
    assert.equal(web.seen.length, reached + 1);
    const malformed = (all: readonly Recorded[]): number => all.filter(({ code }) => code === 'preamble-malformed').length;
    assert.equal(malformed(await recorded(home, (all) => malformed(all) >= 3)), 3);

    // Trust that is taken away holds from the next connection on, without closing the door.
    await writeFile(file, yaml('127.0.0.3'));
    await program.line('reloaded');
    assert.equal(await ask(context, port, '127.0.0.2', proxyHeader('v2', visitor, 443)), '');
    assert.match(await ask(context, port, '127.0.0.3', proxyHeader('v2', visitor, 443)), /^HTTP\/1\.1 200 /);
  },
);

test(
  'visitors behind a balancer are counted one by one, and the check of our own address passes where we are trusted',
  { skip: linuxOnly },
  async (context) => {
    const web = await startService(context);
    const port = await freePort();
    await gateway(
      context,
      `listen: { url: "https://127.0.0.1:${port}", trust: [127.0.0.0/8] }
limits: { connectionsPerAddressMax: 2 }
services:
  web: { at: web.test, to: "127.0.0.1:${web.port}", access: [public] }
`,
      ['web'],
    );
    const hold = async (ip: string): Promise<Socket> => {
      const socket = connect({ host: '127.0.0.1', port });
      context.after(async () => void socket.destroy());
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(proxyHeader('v2', { ip, port: 1 }, 443));
      return socket;
    };
    for (const ip of ['198.51.100.1', '198.51.100.1', '198.51.100.2', '198.51.100.2']) await hold(ip);
    const third = await hold('198.51.100.1');
    await new Promise<void>((resolve) => third.resume().once('close', () => resolve()));
    assert.match(await ask(context, port, '127.0.0.1', proxyHeader('v1', { ip: '198.51.100.3', port: 9 }, 443)), /^HTTP\/1\.1 200 /);
  },
);

test('a balancer reaches every kind of door: plain HTTP, and TLS that is passed on unread', { skip: linuxOnly }, async (context) => {
  const web = await startService(context);
  const own = await startOwnTls(context);
  const [port, plain] = [await freePort(), await freePort()];
  await gateway(
    context,
    `listen: [{ url: "https://127.0.0.1:${port}", trust: [127.0.0.2] }, { url: "http://127.0.0.1:${plain}", trust: [127.0.0.2] }]
network: shared
services:
  web: { at: web.test, to: "127.0.0.1:${web.port}", access: [public] }
  own: { at: own.test, to: "tls://127.0.0.1:${own.port}", access: [{ ip: [198.51.100.7] }] }
`,
    ['web', 'own'],
  );
  for (const version of ['v1', 'v2'] as const) {
    for (const split of [false, true]) {
      const socket = connect({ host: '127.0.0.1', port: plain, localAddress: '127.0.0.2' });
      context.after(async () => void socket.destroy());
      socket.setNoDelay(true);
      const request = Buffer.from('GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n');
      const bytes = Buffer.concat([proxyHeader(version, { ip: '198.51.100.7', port: 5 }, 80), request]);
      if (split) for (const byte of bytes) socket.write(Uint8Array.of(byte));
      else socket.write(bytes);
      assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
    }
    for (const [ip, found] of [
      ['198.51.100.7', own.fingerprint],
      ['198.51.100.8', 'refused'],
    ]) {
      const raw = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
      context.after(async () => void raw.destroy());
      raw.write(proxyHeader(version, { ip: ip ?? '', port: 5 }, 443));
      const shown = await new Promise<string>((resolve) => {
        const socket = connectTls({ socket: raw, servername: 'own.test', rejectUnauthorized: false });
        socket.once('secureConnect', () =>
          resolve(socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase() ?? ''),
        );
        socket.on('error', () => resolve('refused'));
      });
      assert.equal(shown, found);
    }
  }
});
