/** Sockets that are held and listened on elsewhere: what of Node this rests on. */

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { bindHandle, type Handle } from '../dataplane/bound-handles.ts';
import { HeldSockets } from './held-sockets.ts';

const [me, successor] = [{}, {}];

function portOf(handle: Handle): number {
  const into: Partial<AddressInfo> = {};
  equal(handle.getsockname(into), 0);
  return into.port ?? 0;
}

test('a held socket is bound, listened on by nobody, and the same for the same words', async (context) => {
  const sockets = new HeldSockets(2);
  context.after(() => sockets.close());
  const held = sockets.bind('127.0.0.1', 0, me);
  ok(typeof held !== 'string' && held.fd > 2);
  equal(sockets.bind('127.0.0.1', 0, me), held);
  const dialled = connect(portOf(held), '127.0.0.1');
  const [error] = (await once(dialled, 'error')) as [NodeJS.ErrnoException];
  equal(error.code, 'ECONNREFUSED');
});

test('an address in use, one of another machine and one too many are named by their error', async (context) => {
  const sockets = new HeldSockets(1);
  context.after(() => sockets.close());
  const taken = createServer().listen(0, '127.0.0.1');
  context.after(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  // A socket that is not bound would be listened on all the same, on any port.
  deepEqual(
    [sockets.bind('127.0.0.1', port, me), sockets.bind('192.0.2.1', 0, me), sockets.bind('localhost', 0, me)],
    ['EADDRINUSE', 'EADDRNOTAVAIL', 'EINVAL'],
  );
  ok(typeof sockets.bind('127.0.0.1', 0, me) !== 'string');
  equal(sockets.bind('127.0.0.2', 0, me), 'EMFILE');
});

test('a socket is closed with the last one who asked for it', async (context) => {
  const sockets = new HeldSockets(2);
  context.after(() => sockets.close());
  const held = sockets.bind('127.0.0.1', 0, me);
  equal(sockets.bind('127.0.0.1', 0, successor), held);
  sockets.release('127.0.0.1', 0, me);
  equal(sockets.bind('127.0.0.1', 0, successor), held);
  sockets.left(successor);
  notEqual(sockets.bind('127.0.0.1', 0, me), held);
});

test('a socket that systemd handed over is held under its address, and no other is made for it', (context) => {
  const handle = bindHandle({ host: '127.0.0.1', port: 0 });
  ok(typeof handle !== 'string');
  const port = portOf(handle);
  const sockets = new HeldSockets(2, [{ name: 'web', host: '127.0.0.1', port, handle }]);
  context.after(() => sockets.close());
  equal(sockets.bind('127.0.0.1', port, me), handle);
  equal(sockets.bind('127.0.0.1', port, successor), handle);
});
