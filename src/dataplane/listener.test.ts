/** Connections are counted before a byte is read: for each address, and in total. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { listen } from './listener.ts';

async function door(context: TestContext, limits: Readonly<{ connectionsMax: number; connectionsPerAddressMax: number }>) {
  let taken = 0;
  const visitors: Socket[] = [];
  const take = (socket: Socket): void => {
    taken += 1;
    socket.resume().on('end', () => socket.end());
    socket.write('x');
  };
  const listening = await listen({ host: '127.0.0.1', port: 0, limits, take });
  context.after(async () => {
    for (const each of visitors) each.destroy();
    await listening.close();
  });
  /** Whether somebody from there is taken. They say nothing, as in a handshake that never comes. */
  const visit = async (from: string): Promise<boolean> => {
    const socket = connect({ host: '127.0.0.1', port: listening.port, localAddress: from });
    visitors.push(socket.on('error', () => undefined));
    await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return !socket.destroyed;
  };
  return { visit, visitors, taken: () => taken };
}

const skip = process.platform === 'linux' ? false : 'not run: no second loopback address';

test('slowloris on the TLS hello: one address holds so many connections and no more, another still comes', { skip }, async (context) => {
  const { visit, visitors, taken } = await door(context, { connectionsMax: 100, connectionsPerAddressMax: 3 });
  assert.deepEqual([await visit('127.0.0.2'), await visit('127.0.0.2'), await visit('127.0.0.2')], [true, true, true]);
  assert.equal(await visit('127.0.0.2'), false);
  assert.equal(await visit('127.0.0.3'), true);
  assert.equal(taken(), 4);
  // Who leaves makes room.
  visitors[0]?.destroy();
  while (!(await visit('127.0.0.2')));
});

test('all connections together have a limit, whoever comes', { skip }, async (context) => {
  const { visit } = await door(context, { connectionsMax: 2, connectionsPerAddressMax: 2 });
  assert.deepEqual([await visit('127.0.0.2'), await visit('127.0.0.3'), await visit('127.0.0.4')], [true, true, false]);
});
