import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { it, type TestContext } from 'node:test';
import { certificate } from '../../test/doubles/pki.ts';
import { defaults } from '../core/limits.ts';
import { createDeadlines, steadyNow } from './deadlines.ts';
import { associate } from './local-datagrams.ts';

async function portOf(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

it('an association ends with its proxy, also with one that ends in the very breath of its answer', { timeout: 10_000 }, async (t) => {
  const made = await certificate({ subject: 'CN=proxy', names: ['127.0.0.1'] });
  const proxy = createTlsServer(made, (line) => {
    line.on('error', () => undefined).once('data', () => line.end('HTTP/1.1 200 OK\r\n\r\n'));
  });
  const port = await portOf(t, proxy);
  const arrived = Promise.withResolvers<Parameters<typeof associate>[0]>();
  const door = await portOf(
    t,
    createServer((socket) => arrived.resolve(socket.on('error', () => undefined))),
  );
  const program = connect(door, '127.0.0.1').on('error', () => undefined);
  t.after(() => program.destroy());
  program.resume();
  const deadlines = createDeadlines(steadyNow);
  const shown = { user: 'ana', password: 'right' };
  const far = {
    ...{ host: '127.0.0.1', port, dial: '127.0.0.1', ca: made.cert, session: { last: null } },
    ...{ shown, limits: defaults, timeoutMs: 5_000, signal: new AbortController().signal },
  };
  const socket = await arrived.promise;
  t.after(() => socket.destroy());
  await Promise.all([associate(socket, 0, { far, deadlines, limits: defaults }), once(program, 'close')]);
  assert.ok(socket.destroyed);
});
