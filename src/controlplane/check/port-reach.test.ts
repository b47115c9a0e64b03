/** A raw port is called ready when what we send there arrives here, and the service hears of nothing. */

import { deepEqual, equal, match } from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { PortChecks } from './port-reach.ts';

const { signal } = new AbortController();

/** A relay's port that tells of whoever comes; from another port when an address translator stands before it. */
async function tcpRelay(context: TestContext, came: (port: number) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    came(socket.remotePort ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const arrival = (sni: string, port: number) => ({ sni, from: { ip: '192.0.2.7', port }, stream: new PassThrough() });

test('ours is claimed and ended; somebody else’s shows that the port leads here, and goes on', async (context) => {
  for (const shift of [0, 1]) {
    const checks = new PortChecks();
    const claimed: boolean[] = [];
    const ended: boolean[] = [];
    const dial = await tcpRelay(context, (port) => {
      const came = arrival('tcp/2222', port + shift);
      // What the relay tells comes later than the connection stands.
      setImmediate(() => {
        claimed.push(checks.claims(came));
        ended.push(came.stream.destroyed);
      });
    });
    const reached = await checks.reach({ port: { transport: 'tcp', port: 2222 }, dial: { host: '127.0.0.1', port: dial }, signal });
    deepEqual([reached.ok, claimed, ended], [true, [shift === 0], [shift === 0]]);
    equal(checks.claims(arrival('tcp/2222', 1)), false);
  }
});

test('a port that somebody else answers, or nobody, is not ready', async (context) => {
  const checks = new PortChecks();
  const dial = await tcpRelay(context, (port) => void checks.claims(arrival('tcp/2223', port)));
  const away = await checks.reach({
    port: { transport: 'tcp', port: 2222 },
    dial: { host: '127.0.0.1', port: dial },
    signal,
    timeoutMs: 50,
  });
  match(away.ok ? '' : away.why, /does not lead here/);
  const port = 1;
  const nobody = await checks.reach({ port: { transport: 'tcp', port }, dial: { host: '127.0.0.1', port }, signal });
  match(nobody.ok ? '' : nobody.why, /nothing listens there/);
});

test('a datagram without a byte finds its way back', async (context) => {
  const checks = new PortChecks();
  const relay = createSocket('udp4');
  const lengths: number[] = [];
  relay.on('message', (datagram, from) => {
    lengths.push(datagram.length);
    checks.claims(arrival('udp/5353', from.port));
  });
  await new Promise<void>((resolve) => relay.bind(0, '127.0.0.1', resolve));
  context.after(() => void relay.close());
  const { port } = relay.address();
  const reached = await checks.reach({ port: { transport: 'udp', port: 5353 }, dial: { host: '127.0.0.1', port }, signal });
  deepEqual([reached.ok, lengths], [true, [0]]);
});
