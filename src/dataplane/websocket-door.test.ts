/** Carriers in WebSockets: the way that is found, what passes, what is cut, and who is turned away. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { WebSocket } from 'ws';
import type { Limits } from '../core/limits.ts';
import { firewall } from '../../test/tunnel/firewall.ts';
import { connectProxy, failure, proxyAt, reachVia } from '../../test/tunnel/proxies.ts';
import { drained, gateway, identityOf, until, visitor, world } from '../../test/tunnel/relay.ts';
import type { World } from '../../test/tunnel/relay.ts';
import { Way } from './reach/way.ts';

/** A relay with a certificate for its own name. */
async function withDoor(test: TestContext, changes: Partial<Limits> = {}): Promise<World> {
  const { certificate, privateKey } = await identityOf('own name');
  return world(test, changes, null, { names: ['example.test'], certificate: { certificate, key: privateKey } });
}

/** What is counted, once it has not changed for half a second. */
async function standsStill(count: () => number): Promise<number> {
  let [seen, rounds] = [count(), 0];
  while (rounds < 20) {
    await new Promise((resolve) => void setTimeout(resolve, 25));
    rounds = count() === seen ? rounds + 1 : 0;
    seen = count();
  }
  return seen;
}

const automatic = (): Way => new Way({ proxy: null, carriers: 'auto' });

describe('a carrier in a WebSocket', () => {
  it('stands at the relay’s own name, with the same keys inside', async (test) => {
    const at = await withDoor(test);
    const key = await at.member('blog');
    const { accepted } = await reachVia(test, at, key, { carriers: 'websocket' });
    deepEqual(accepted.grants, ['blog.example.test', '*.blog.example.test']);
    equal(at.relay.gateways()[0]?.fingerprint, key.fingerprint);
    deepEqual(at.faults, []);
  });

  for (const kind of ['resets', 'is silent', 'ends the tls'] as const) {
    it(`is found by itself where a firewall ${kind} what is no HTTPS`, async (test) => {
      const at = await withDoor(test, { handshakeMs: kind === 'is silent' ? 1_000 : 10_000 });
      const key = await at.member('blog');
      const wall = await firewall(test, at.port, kind);
      const way = automatic();
      await reachVia(test, at, key, { address: wall.address, way });
      deepEqual(
        wall.hellos.map(([, alpn]) => alpn),
        ['sallyport-carrier/1', 'http/1.1'],
      );
      // What was found out is not found out again.
      await reachVia(test, at, key, { address: wall.address, way });
      deepEqual(wall.hellos[2]?.[1], 'http/1.1');
    });
  }

  it('is not tried where TLS as it is passes', async (test) => {
    const at = await withDoor(test);
    const wall = await firewall(test, at.port, 'passes');
    await reachVia(test, at, await at.member('blog'), { address: wall.address, way: automatic() });
    equal(wall.hellos.length, 1);
  });

  it('is not tried once the relay itself has spoken: an invitation is shown once', async (test) => {
    const at = await withDoor(test);
    const wall = await firewall(test, at.port, 'passes');
    const error = await failure(reachVia(test, at, await identityOf('stranger'), { address: wall.address, way: automatic() }));
    equal(error.code, 'relay-refused');
    equal(wall.hellos.length, 1);
  });

  it('goes through a proxy as well', async (test) => {
    const at = await withDoor(test);
    const proxy = await connectProxy(test);
    await reachVia(test, at, await at.member('blog'), { carriers: 'websocket', proxy: proxyAt('http', proxy.port) });
    equal(proxy.asked.length, 1);
  });

  it('says what was wrong at first when nothing helps', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const wall = await firewall(test, at.port, 'resets');
    equal((await failure(reachVia(test, at, key, { address: wall.address, way: automatic() }))).code, 'relay-unreachable');
    const other = await firewall(test, at.port, 'ends the tls');
    const error = await failure(reachVia(test, at, key, { address: other.address, way: automatic() }));
    ok(error.code === 'relay-untrusted' || error.code === 'relay-unreachable', error.code);
    const noDoor = await failure(reachVia(test, at, key, { carriers: 'websocket' }));
    equal(noDoor.code, 'relay-unreachable');
  });

  it('believes nobody without the pinned key, whatever certificate is outside', async (test) => {
    const at = await withDoor(test);
    const other = { ...at, identity: { ...at.identity, fingerprint: 'a'.repeat(64) } };
    equal((await failure(reachVia(test, other, await at.member('blog'), { carriers: 'websocket' }))).code, 'relay-untrusted');
  });

  it('carries bulk both ways, whole, and a stalled network holds back the sender', async (test) => {
    const at = await withDoor(test);
    const key = await at.member('blog');
    const wall = await firewall(test, at.port, 'passes');
    const way = new Way({ proxy: null, carriers: 'websocket' });
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'], address: wall.address, way });
    await member.link.ready;
    const total = 24 * 1_048_576;
    const piece = randomBytes(65_536);
    const sent = createHash('sha256');
    const heard = createHash('sha256');
    let bytesHeard = 0;
    const socket = visitor(at.port, 'blog.example.test');
    await once(socket, 'secureConnect');
    socket.on('data', (bytes: Buffer) => {
      heard.update(bytes);
      bytesHeard += bytes.length;
    });
    wall.stall();
    let written = 0;
    const write = async (upTo: number): Promise<void> => {
      while (written < upTo) {
        const waits = !socket.write(piece);
        sent.update(piece);
        written += piece.length;
        if (waits) await once(socket, 'drain');
      }
    };
    const writing = write(total);
    // What lies on the way is full first: a system's own buffers grow while it fills.
    const before = await standsStill(() => written);
    await new Promise((resolve) => void setTimeout(resolve, 300));
    equal(written, before, 'nothing more is taken while nobody reads');
    ok(written < 16 * 1_048_576, `${written} bytes were taken by nobody`);
    wall.go();
    await writing;
    await until(() => bytesHeard === total, 30_000);
    equal(heard.digest('hex'), sent.digest('hex'));
    socket.destroy();
  });

  it('comes again when it is cut', async (test) => {
    const at = await withDoor(test, { redialMs: 200 });
    const key = await at.member('blog');
    const wall = await firewall(test, at.port, 'resets');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'], address: wall.address, way: automatic() });
    await member.link.ready;
    const again = member.state('ready');
    wall.cut();
    await again;
    const socket = visitor(at.port, 'blog.example.test');
    socket.write('x');
    await once(socket, 'data');
    socket.destroy();
    // Both ends know that the old ones are gone.
    await until(() => at.relay.gateways().length <= 1);
  });
});

/** What a stranger sends over TLS to the relay's own name, and all that comes back. */
async function said(at: World, words: string | Buffer): Promise<string> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: at.port,
    servername: 'example.test',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: false,
  });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write(words);
  return (await drained(socket)).toString('latin1');
}

/** A WebSocket to the door, as a stranger's library opens one. It offers compression. */
function opened(at: World): WebSocket {
  const createConnection = (): tls.TLSSocket => visitor(at.port, 'example.test', { ALPNProtocols: ['http/1.1'] });
  const ws = new WebSocket(`wss://example.test:${at.port}/.sallyport/carrier`, { createConnection, perMessageDeflate: true });
  ws.on('error', () => undefined);
  return ws;
}

const upgrade = (changes = '', path = '/.sallyport/carrier'): string =>
  `GET ${path} HTTP/1.1\r\nHost: example.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n${changes}\r\n`;

describe('the door for WebSockets', () => {
  it('turns away whoever wants a page', async (test) => {
    const at = await withDoor(test);
    for (const words of [
      'GET / HTTP/1.1\r\nHost: example.test\r\n\r\n',
      'GET /.sallyport/carrier HTTP/1.1\r\nHost: example.test\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: example.test\r\nContent-Length: 9000000\r\n\r\nx',
      upgrade('', '/'),
      upgrade('', '/.sallyport/carrier?x'),
    ])
      match(await said(at, words), /^HTTP\/1\.1 404 [^]*This is a relay/);
  });

  it('takes no carrier from a page of the web (cross-site websocket)', async (test) => {
    const at = await withDoor(test);
    match(await said(at, upgrade('Origin: https://elsewhere.example\r\n')), /^HTTP\/1\.1 404 /);
  });

  it('takes no bytes behind the request before it has answered (websocket smuggling)', async (test) => {
    const at = await withDoor(test);
    match(await said(at, `${upgrade()}GET / HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 404 /);
  });

  it('takes no other version, no broken key and no head above the limit', async (test) => {
    const at = await withDoor(test);
    match(await said(at, upgrade().replace('Version: 13', 'Version: 7')), /^HTTP\/1\.1 4\d\d /);
    match(await said(at, upgrade().replace(/Key: \S+/, 'Key: x')), /^HTTP\/1\.1 4\d\d /);
    equal(await said(at, upgrade(`X: ${'x'.repeat(40_000)}\r\n`)), '');
    equal(await said(at, 'GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n'), '');
    equal(await said(at, 'CONNECT example.test:443 HTTP/1.1\r\nHost: example.test\r\n\r\n'), '');
  });

  it('gives all of it one time (slowloris)', async (test) => {
    const at = await withDoor(test, { handshakeMs: 400 });
    equal(await said(at, 'GET /.sallyport/carrier HTTP/1.1\r\nX: '), '');
    match(await said(at, upgrade()), /^HTTP\/1\.1 101 /, 'and then the carrier’s own');
    await until(() => at.ends.at(-1)?.code === 'hello-timed-out');
  });

  it('counts its guests among those who are not known yet', async (test) => {
    const at = await withDoor(test, { carriersPreAuthPerAddressMax: 2, carriersWaitingPerAddressMax: 0 });
    const hung = (): tls.TLSSocket => visitor(at.port, 'example.test');
    const guests = [hung(), hung()];
    await Promise.all(guests.map((guest) => once(guest, 'secureConnect')));
    const third = hung();
    await new Promise((resolve) => third.once('close', resolve));
    ok(at.ends.some(({ code }) => code === 'connections-exceeded'));
    for (const guest of guests) guest.destroy();
    // Their places are free again.
    await until(() => at.ends.length === 1);
    match(await said(at, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 404 /);
  });

  it('shows its certificate for its own names only, and a new one when it is renewed', async (test) => {
    const at = await withDoor(test);
    const shown = async (servername: string): Promise<string | null> => {
      const socket = tls.connect({ host: '127.0.0.1', port: at.port, servername, rejectUnauthorized: false });
      socket.on('error', () => undefined);
      await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(() => undefined);
      const print = socket.getPeerX509Certificate()?.fingerprint256 ?? null;
      socket.destroy();
      return print;
    };
    const first = await shown('example.test');
    ok(first !== null);
    equal(await shown('blog.example.test'), null);
    equal(await shown('www.example.test'), null);
    const { certificate, privateKey } = await identityOf('renewed');
    at.relay.renew({ certificate, key: privateKey });
    const second = await shown('example.test');
    ok(second !== null && second !== first);
  });

  const frames: readonly (readonly [string, (ws: WebSocket) => void])[] = [
    ['a text', (ws) => ws.send('hello')],
    ['an empty message', (ws) => ws.send(Buffer.alloc(0))],
    ['a message of a megabyte', (ws) => ws.send(Buffer.alloc(1_048_576))],
    [
      'a megabyte in fragments',
      (ws) => {
        for (let at = 0; at < 1_024; at += 1) ws.send(Buffer.alloc(1_024), { fin: at === 1_023 });
      },
    ],
    ['what is no TLS', (ws) => ws.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))],
  ];
  for (const [title, act] of frames) {
    it(`ends at ${title}`, async (test) => {
      const at = await withDoor(test);
      const ws = opened(at);
      await once(ws, 'open');
      equal(ws.extensions, '', 'nothing is compressed (compression bomb)');
      act(ws);
      await once(ws, 'close');
      await until(() => at.ends.length > 0);
      deepEqual(at.faults, []);
    });
  }

  it('ends who asks with pings and never reads the answers (ping flood)', async (test) => {
    const at = await withDoor(test, { handshakeMs: 60_000 });
    const ws = opened(at);
    await once(ws, 'open');
    ws.pause();
    const flood = setInterval(() => {
      for (let count = 0; count < 2_000 && ws.readyState === WebSocket.OPEN; count += 1) ws.ping(Buffer.alloc(125));
    }, 1);
    test.after(() => clearInterval(flood));
    await until(() => at.ends.length > 0, 20_000);
    clearInterval(flood);
    ws.terminate();
  });
});
