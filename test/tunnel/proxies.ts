/** Proxies as networks have them, written strictly, and servers that only look like one. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { MachineIdentity } from '../../src/contracts/tunnel.ts';
import type { Proxy, Via } from '../../src/contracts/via.ts';
import { SallyportError } from '../../src/core/errors.ts';
import type { Limits } from '../../src/core/limits.ts';
import { reachRelay } from '../../src/dataplane/reach-relay.ts';
import type { Reached } from '../../src/dataplane/reach-relay.ts';
import { Way } from '../../src/dataplane/reach/way.ts';
import type { World } from './relay.ts';

export type TestProxy = Readonly<{
  port: number;
  /** What the clients said before the line was theirs, in Latin-1. */
  asked: string[];
  /** What they said on it. */
  passed: Buffer[];
  /** Cuts every line. */
  cut: () => void;
}>;

/** The only name that these proxies know, and that nobody else does: what is dialled by it is this machine. */
export const hiddenName = 'relay.behind.invalid';

type Served = Readonly<{ socket: Socket; proxy: TestProxy; join: (host: string, port: number, answer: (ok: boolean) => void) => void }>;

async function serve(test: TestContext, each: (served: Served) => void): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server: Server = createServer((socket) => {
    keep(socket);
    const join: Served['join'] = (host, port, answer) => {
      const behind = connect({ host: host === hiddenName ? '127.0.0.1' : host, port });
      keep(behind);
      behind.once('error', () => answer(false));
      behind.once('connect', () => {
        answer(true);
        socket.on('data', (bytes: Buffer) => proxy.passed.push(bytes));
        socket.pipe(behind).pipe(socket);
      });
      behind.on('close', () => socket.destroy());
      socket.on('close', () => behind.destroy());
    };
    each({ socket, proxy, join });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  test.after(() => {
    server.close();
    cut();
  });
  const proxy: TestProxy = { port: (server.address() as AddressInfo).port, asked: [], passed: [], cut };
  return proxy;
}

/** An HTTP proxy that takes CONNECT and nothing else. `credentials`: `user:password`. */
export function connectProxy(test: TestContext, credentials: string | null = null): Promise<TestProxy> {
  return serve(test, ({ socket, proxy, join }) => {
    let head = '';
    const hear = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', hear);
      proxy.asked.push(head);
      const [, host = '', port = '', named = '', rest = ''] =
        /^CONNECT (\[[0-9a-f:.]+\]|[^\s:]+):(\d+) HTTP\/1\.1\r\nHost: (\S+)\r\n((?:[\w-]+: [^\r\n]*\r\n)*)\r\n$/.exec(head) ?? [];
      const allowed = credentials === null ? '' : `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`;
      if (host === '' || named !== `${host}:${port}`) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      else if (rest !== allowed)
        socket.end('HTTP/1.1 407 Authenticate\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 3\r\n\r\nno\n');
      else
        join(host.replace(/^\[|\]$/g, ''), Number(port), (ok) =>
          ok ? socket.write('HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n') : socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'),
        );
    };
    socket.on('data', hear);
  });
}

/** RFC 1928 and 1929, one message after the other; a message that is not wholly right ends it. */
export function socksProxy(test: TestContext, credentials: string | null = null): Promise<TestProxy> {
  return serve(test, ({ socket, proxy, join }) => {
    let step: 'methods' | 'password' | 'request' = 'methods';
    const hear = (bytes: Buffer): void => {
      proxy.asked.push(bytes.toString('latin1'));
      if (step === 'methods') {
        const wanted = credentials === null ? 0 : 2;
        const offered = bytes.subarray(2);
        const right = bytes[0] === 5 && bytes[1] === offered.length && offered.includes(wanted);
        socket.write(Uint8Array.of(5, right ? wanted : 255));
        step = wanted === 2 ? 'password' : 'request';
      } else if (step === 'password') {
        const [user = '', password = ''] = (credentials ?? '').split(':');
        const right = Buffer.concat([
          Uint8Array.of(1, user.length),
          Buffer.from(user),
          Uint8Array.of(password.length),
          Buffer.from(password),
        ]);
        socket.write(Uint8Array.of(1, right.equals(bytes) ? 0 : 1));
        step = 'request';
      } else {
        socket.off('data', hear);
        const name = bytes.toString('latin1', 5, 5 + (bytes[4] ?? 0));
        const host = bytes[3] === 3 ? name : bytes.subarray(4, 8).join('.');
        const right = bytes[0] === 5 && bytes[1] === 1 && bytes[2] === 0 && bytes.length === (bytes[3] === 3 ? 7 + name.length : 10);
        if (!right) return void socket.end(Uint8Array.of(5, 1, 0, 1, 0, 0, 0, 0, 0, 0));
        join(host, bytes.readUInt16BE(bytes.length - 2), (ok) => {
          // The address that it dials from, as a name.
          if (ok) socket.write(Buffer.from([5, 0, 0, 3, 1, 120, 1, 187]));
          else socket.end(Uint8Array.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0));
        });
      }
    };
    socket.on('data', hear);
  });
}

/** What looks like a proxy until it is spoken to: `act` is called with every piece that comes. */
export function hostileProxy(test: TestContext, act: (socket: Socket, bytes: Buffer, nth: number) => void): Promise<TestProxy> {
  return serve(test, ({ socket, proxy }) => {
    let nth = 0;
    socket.on('data', (bytes: Buffer) => {
      proxy.asked.push(bytes.toString('latin1'));
      act(socket, bytes, nth++);
    });
  });
}

export function proxyAt(is: Proxy['is'], port: number, credentials: string | null = null): Proxy {
  const [user = '', password = ''] = (credentials ?? '').split(':');
  return { is, host: '127.0.0.1', port, credentials: credentials === null ? null : { user, password } };
}

/** One carrier by this way; `address` in place of the relay's own. It ends with the test. */
export async function reachVia(
  test: TestContext,
  at: World,
  identity: MachineIdentity,
  options: Readonly<{ proxy?: Proxy; carriers?: Via['carriers']; address?: string; limits?: Limits; signal?: AbortSignal; way?: Way }>,
): Promise<Reached> {
  const reached = await reachRelay({
    address: options.address ?? at.address,
    fingerprint: at.identity.fingerprint,
    identity,
    instance: '0'.repeat(32),
    invite: null,
    limits: options.limits ?? at.limits,
    signal: options.signal ?? new AbortController().signal,
    way: options.way ?? new Way({ proxy: options.proxy ?? null, carriers: options.carriers ?? 'tls' }),
    open: (stream) => stream.destroy(),
    message: () => undefined,
    goaway: () => undefined,
    end: () => undefined,
  });
  test.after(() => reached.carrier.close({ code: 'interrupted', why: 'the test is over' }));
  return reached;
}

/** What an attempt failed with. */
export async function failure(attempt: Promise<unknown>): Promise<SallyportError> {
  const error = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof SallyportError) return error;
  throw error;
}
