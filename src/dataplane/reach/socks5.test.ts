/** Through a SOCKS5 proxy to a relay: the name goes to the proxy, refusals have names, and nothing is believed that does not fit. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import { limitsWith } from '../../core/limits.ts';
import type { Code, SallyportError } from '../../core/errors.ts';
import { failure, hiddenName, hostileProxy, proxyAt, reachVia, socksProxy } from '../../../test/tunnel/proxies.ts';
import { identityOf, world } from '../../../test/tunnel/relay.ts';

type Act = (socket: Socket, bytes: Buffer, nth: number) => void;

async function answered(test: TestContext, act: Act, credentials: string | null = null): Promise<SallyportError> {
  const at = await world(test);
  const { port } = await hostileProxy(test, act);
  const limits = limitsWith({ handshakeMs: 400 });
  return failure(reachVia(test, at, await identityOf('one'), { proxy: proxyAt('socks5', port, credentials), limits }));
}

/** Takes everybody, and then replies with these bytes. */
const replying =
  (...bytes: readonly number[]): Act =>
  (socket, _, nth) =>
    void socket.write(Uint8Array.from(nth === 0 ? [5, 0] : bytes));

describe('through a SOCKS5 proxy', () => {
  it('a gateway reaches a relay whose name only the proxy knows', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const proxy = await socksProxy(test);
    const { accepted } = await reachVia(test, at, key, { proxy: proxyAt('socks5', proxy.port), address: `${hiddenName}:${at.port}` });
    deepEqual(accepted.grants, ['blog.example.test', '*.blog.example.test']);
    const port = String.fromCharCode(at.port >> 8, at.port & 255);
    deepEqual(proxy.asked, ['\x05\x01\x00', `\x05\x01\x00\x03${String.fromCharCode(hiddenName.length)}${hiddenName}${port}`]);
    ok(!Buffer.concat(proxy.passed).includes('blog'), 'and reads nothing of what is said');
  });

  it('sends an address as an address', async (test) => {
    const at = await world(test);
    const proxy = await socksProxy(test);
    await reachVia(test, at, await at.member('blog'), { proxy: proxyAt('socks5', proxy.port) });
    equal(proxy.asked[1]?.slice(0, 8), '\x05\x01\x00\x01\x7f\x00\x00\x01');
    const six = await failure(
      reachVia(test, at, await identityOf('one'), { proxy: proxyAt('socks5', proxy.port), address: '[2001:db8::1]:443' }),
    );
    equal(six.code, 'proxy-refused', 'this proxy knows no IPv6');
    equal(proxy.asked[3], `\x05\x01\x00\x04\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01\x01\xbb`);
  });

  it('shows a user and a password to who asks for them (proxy credentials)', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const proxy = await socksProxy(test, 'ana:secret');
    await reachVia(test, at, key, { proxy: proxyAt('socks5', proxy.port, 'ana:secret') });
    const open = await socksProxy(test);
    await reachVia(test, at, key, { proxy: proxyAt('socks5', open.port, 'ana:secret') });
    ok(!open.asked.join('').includes('secret'), 'who asks for none is told none');
    for (const wrong of [null, 'ana:hidden']) {
      const error = await failure(reachVia(test, at, key, { proxy: proxyAt('socks5', proxy.port, wrong) }));
      equal(error.code, 'proxy-refused');
      match(error.message, /credentials/);
      ok(!inspect(error, { depth: 9 }).includes('hidden'));
    }
  });

  const refusals: readonly (readonly [number, Code, RegExp])[] = [
    [1, 'proxy-refused', /general failure/],
    [2, 'proxy-refused', /rules/],
    [3, 'relay-unreachable', /network unreachable/],
    [4, 'relay-unreachable', /host unreachable/],
    [5, 'relay-unreachable', /connection refused/],
    [6, 'relay-unreachable', /time to live/],
    [7, 'proxy-refused', /CONNECT/],
    [8, 'proxy-refused', /kind of address/],
    [99, 'proxy-refused', /reply 99/],
  ];
  for (const [reply, code, words] of refusals) {
    it(`names its refusal ${reply}`, async (test) => {
      const error = await answered(test, replying(5, reply, 0, 1, 0, 0, 0, 0, 0, 0));
      equal(error.code, code);
      match(error.message, words);
    });
  }
});

describe('a hostile proxy', () => {
  const cases: readonly (readonly [string, Act, RegExp])[] = [
    ['never answers', () => undefined, /in time/],
    ['stops within its reply', replying(5, 0, 0, 3, 200, 120), /in time/],
    ['speaks SOCKS4', (socket) => socket.write(Uint8Array.of(0, 90, 0, 0, 0, 0, 0, 0)), /does not speak SOCKS5/],
    ['speaks HTTP', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /does not speak SOCKS5/],
    ['speaks another version in its reply', replying(4, 0, 0, 1, 0, 0, 0, 0, 0, 0), /does not speak SOCKS5/],
    ['chooses what was not offered', (socket) => socket.write(Uint8Array.of(5, 2)), /not offered/],
    ['answers before it is asked', (socket) => socket.write(Uint8Array.of(5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)), /behind its answer/],
    ['sends bytes behind its reply', replying(5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 22), /behind its answer/],
    ['sends 1 MB', (socket) => socket.write(Buffer.alloc(1_048_576, 5)), /behind its answer/],
    ['has an address of no kind', replying(5, 0, 0, 2, 0, 0), /cannot be read/],
    ['fills what is reserved', replying(5, 0, 1, 1, 0, 0, 0, 0, 0, 0), /cannot be read/],
    [
      'leaves within its reply',
      (socket, _, nth) => (nth === 0 ? socket.write(Uint8Array.of(5, 0)) : socket.end(Uint8Array.of(5))),
      /closed/,
    ],
  ];
  for (const [title, act, words] of cases) {
    it(`that ${title} is refused, and heard no more`, async (test) => {
      const error = await answered(test, act);
      equal(error.code, 'proxy-unreachable');
      match(error.message, words);
    });
  }

  it('that dribbles is heard to the end within the deadline', async (test) => {
    const error = await answered(test, (socket, _, nth) => {
      if (nth === 0) return void socket.write(Uint8Array.of(5, 0));
      const reply = [5, 4, 0, 1, 0, 0, 0, 0, 0, 0];
      const next = (): void => {
        const byte = reply.shift();
        if (byte !== undefined && !socket.destroyed) socket.write(Uint8Array.of(byte), () => void setImmediate(next));
      };
      next();
    });
    equal(error.code, 'relay-unreachable');
  });
});
