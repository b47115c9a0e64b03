/** What is taken for a socket that was handed over, and by whom it is meant. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { bindHandle, handedSockets, isFor } from './bound-handles.ts';
import { GivenSockets } from './given-sockets.ts';

test('sockets that were handed to another process are nobody’s, and the variables are gone for whoever we start', () => {
  for (const pid of ['1', '', '-1', '00042']) {
    const env: NodeJS.ProcessEnv = { LISTEN_PID: pid, LISTEN_FDS: '1', LISTEN_FDNAMES: 'web', PATH: '/bin' };
    deepEqual(handedSockets(env, { pid: 42, most: 4 }), { sockets: [], odd: [] });
    deepEqual(Object.keys(env), ['PATH']);
  }
});

test('a count that is none hands nothing over', () => {
  for (const count of ['-1', 'x', '99999', '1e2', ''])
    deepEqual(handedSockets({ LISTEN_PID: '42', LISTEN_FDS: count }, { pid: 42, most: 4 }), { sockets: [], odd: [] });
});

test('a socket is meant by its address; one for both families by the address of all IPv4 too', () => {
  const at = (host: string, port = 443) => ({ host, port });
  ok(isFor(at('127.0.0.1'), at('127.0.0.1')) && isFor(at('0.0.0.0'), at('::')) && isFor(at('localhost'), at('::1')));
  ok(!isFor(at('127.0.0.1'), at('::')) && !isFor(at('::'), at('0.0.0.0')) && !isFor(at('127.0.0.1'), at('127.0.0.1', 444)));
});

test('a name that was said goes before an address, each socket is given once, and what nobody asked for is named', async () => {
  const handles = [bindHandle({ host: '127.0.0.1', port: 0 }), bindHandle({ host: '127.0.0.1', port: 0 })];
  const [web, spare] = handles;
  ok(typeof web === 'object' && typeof spare === 'object');
  const given = new GivenSockets([
    { name: 'spare', host: '127.0.0.1', port: 1, handle: spare },
    { name: 'web', host: '127.0.0.1', port: 2, handle: web },
  ]);
  equal(given.take({ host: '127.0.0.1', port: 1, socket: 'web' }), web);
  equal(given.take({ host: '127.0.0.1', port: 2, socket: 'web' }), null);
  deepEqual(given.closeUnasked(), ['spare (127.0.0.1:1)']);
  equal(given.take({ host: '127.0.0.1', port: 1 }), null);
  web.close();
});

test('what is bound ahead is there once, and what cannot be bound is said in words', async () => {
  const given = new GivenSockets([]);
  const taken = bindHandle({ host: '127.0.0.1', port: 0 });
  ok(typeof taken === 'object');
  const into: { port?: number } = {};
  taken.getsockname(into);
  taken.close();
  const at = { host: '127.0.0.1', port: into.port ?? 0 };
  await given.bindAhead([at, at]);
  const socket = given.take(at);
  ok(socket !== null && given.take(at) === null);
  socket.close?.();
  await given.bindAhead([{ host: '192.0.2.1', port: 9 }]).then(
    () => ok(false),
    (error: unknown) => equal(error instanceof Error && 'code' in error ? error.code : null, 'address-unavailable'),
  );
});
