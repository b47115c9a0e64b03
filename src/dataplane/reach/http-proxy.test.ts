/** Through an HTTP proxy to a relay: what it sees, what it refuses, and what it must not do. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import { limitsWith } from '../../core/limits.ts';
import type { SallyportError } from '../../core/errors.ts';
import { connectProxy, failure, hiddenName, hostileProxy, proxyAt, reachVia } from '../../../test/tunnel/proxies.ts';
import { dial, identityOf, world } from '../../../test/tunnel/relay.ts';

const quick = limitsWith({ handshakeMs: 400 });

/** What comes of a server that answers CONNECT with these words. */
async function answered(test: TestContext, act: (socket: Socket, bytes: Buffer, nth: number) => void): Promise<SallyportError> {
  const at = await world(test);
  const { port } = await hostileProxy(test, act);
  return failure(reachVia(test, at, await identityOf('one'), { proxy: proxyAt('http', port), limits: quick }));
}

describe('through an HTTP proxy', () => {
  it('a gateway reaches a relay whose name only the proxy knows', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const proxy = await connectProxy(test);
    const { accepted } = await reachVia(test, at, key, { proxy: proxyAt('http', proxy.port), address: `${hiddenName}:${at.port}` });
    deepEqual(accepted.grants, ['blog.example.test', '*.blog.example.test']);
    deepEqual(proxy.asked, [`CONNECT ${hiddenName}:${at.port} HTTP/1.1\r\nHost: ${hiddenName}:${at.port}\r\n\r\n`]);
  });

  it('the proxy sees the address of the relay and nothing that is said (a proxy that listens)', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const proxy = await connectProxy(test);
    await reachVia(test, at, key, { proxy: proxyAt('http', proxy.port) });
    const seen = Buffer.concat(proxy.passed);
    equal(seen[0], 22, 'a TLS handshake comes first');
    ok(!seen.includes('blog') && !seen.includes('hello'), 'neither names nor messages are in the clear');
    ok(!seen.includes(at.identity.fingerprint));
  });

  it('shows its credentials to the proxy, and to nobody else (proxy credentials)', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const proxy = await connectProxy(test, 'ana:pass word');
    await reachVia(test, at, key, { proxy: proxyAt('http', proxy.port, 'ana:pass word') });
    for (const wrong of [null, 'ana:other secret']) {
      const error = await failure(reachVia(test, at, key, { proxy: proxyAt('http', proxy.port, wrong) }));
      equal(error.code, 'proxy-refused');
      match(error.message, /407/);
      match(error.hint ?? '', wrong === null ? /docs\/configuration/ : /Check the user/);
      const told = inspect(error, { depth: 9 });
      for (const secret of ['other secret', Buffer.from('ana:other secret').toString('base64')]) ok(!told.includes(secret), told);
    }
    ok(!Buffer.concat(proxy.passed).includes('Proxy-Authorization'), 'none of it goes further than the proxy');
  });

  it('says when the proxy wants another kind of credentials', async (test) => {
    const error = await answered(test, (socket) =>
      socket.end('HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n'),
    );
    equal(error.code, 'proxy-refused');
    match(error.message, /than Basic/);
  });

  it('says who it was that refused', async (test) => {
    const forbidden = await answered(test, (socket) => socket.end('HTTP/1.1 403 \x9b31m\r\n\r\n'));
    equal(forbidden.code, 'proxy-refused');
    match(forbidden.message, /\(403\)/);
    ok(!forbidden.message.includes('\x9b'), 'a stranger’s words are not shown');
    const away = await answered(test, (socket) => socket.end('HTTP/1.1 504 Away\r\n\r\n'));
    equal(away.code, 'relay-unreachable');
    match(away.message, /found no way/);
  });

  it('takes interim answers and HTTP/1.0 for what they are', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const { port } = await hostileProxy(test, (socket, bytes, nth) => {
      if (nth > 0) return;
      const behind = dial(at.port);
      socket.write('HTTP/1.1 102 Wait\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n');
      socket.pipe(behind).pipe(socket);
      socket.on('close', () => behind.destroy());
      ok(bytes.length > 0);
    });
    await reachVia(test, at, key, { proxy: proxyAt('http', port) });
  });

  it('a proxy that is not there is named', async (test) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const at = await world(test);
    const error = await failure(reachVia(test, at, await identityOf('one'), { proxy: proxyAt('http', port, 'ana:hidden') }));
    equal(error.code, 'proxy-unreachable');
    ok(error.message.includes(`http://127.0.0.1:${port}`));
    ok(!inspect(error, { depth: 9 }).includes('hidden'));
  });

  it('ends at once when it is given up', async (test) => {
    const at = await world(test);
    const stop = new AbortController();
    const proxy = await hostileProxy(test, () => stop.abort());
    const error = await failure(
      reachVia(test, at, await identityOf('one'), { proxy: proxyAt('http', proxy.port), signal: stop.signal, carriers: 'auto' }),
    );
    equal(error.code, 'interrupted');
  });
});

describe('a hostile proxy', () => {
  const dribble = (socket: Socket): void => {
    const timer = setInterval(() => socket.write('H'), 20);
    socket.on('close', () => clearInterval(timer));
  };
  const cases: readonly (readonly [string, (socket: Socket, bytes: Buffer, nth: number) => void, RegExp])[] = [
    ['never answers', () => undefined, /in time/],
    [
      'dribbles its answer',
      (socket, _, nth) => (nth === 0 ? (socket.write('HTTP/1.1 200 OK\r\nX: '), dribble(socket)) : undefined),
      /in time/,
    ],
    ['sends a head of 1 MB', (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1_048_576)}\r\n\r\n`), /more than 16384 bytes/],
    ['sends a thousand fields', (socket) => socket.write(`HTTP/1.1 200 OK\r\n${'X: x\r\n'.repeat(1_000)}\r\n`), /fields/],
    ['sends interim answers for ever', (socket) => socket.write('HTTP/1.1 100 Go on\r\n\r\n'.repeat(1_000)), /interim/],
    ['sends bytes behind its 200', (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n'), /behind its answer/],
    [
      'switches the protocol',
      (socket) => socket.write('HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
      /\(101\)/,
    ],
    ['speaks HTTP/2', (socket) => socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])), /cannot be read/],
    ['speaks TLS', (socket) => socket.write(Buffer.from([21, 3, 3, 0, 2, 2, 70])), /cannot be read/],
    ['folds a line', (socket) => socket.write('HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n'), /cannot be read/],
    ['ends lines with LF alone', (socket) => socket.write('HTTP/1.1 200 OK\n\n'), /cannot be read/],
    ['writes to the terminal', (socket) => socket.write('HTTP/1.1 403 \x1b[2J\r\n\r\n'), /cannot be read/],
    ['leaves before it has answered', (socket) => socket.end('HTTP/1.1 20'), /closed the connection/],
    ['resets', (socket) => socket.resetAndDestroy(), /closed|reset|ECONNRESET/i],
  ];
  for (const [title, act, words] of cases) {
    it(`that ${title} is refused, and heard no more`, async (test) => {
      const error = await answered(test, act);
      ok(error.code === 'proxy-unreachable' || error.code === 'proxy-refused', error.code);
      match(error.message, words);
    });
  }

  it('that answers itself is no relay', async (test) => {
    const error = await answered(test, (socket, _, nth) => void (nth === 0 && socket.write('HTTP/1.1 200 OK\r\n\r\n')));
    equal(error.code, 'relay-unreachable');
  });
});
