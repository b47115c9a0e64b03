import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as dial, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect, createSecureContext, type ConnectionOptions, type SecureContext } from 'node:tls';
import type { Fault } from '../core/errors.ts';
import { authority, signed } from '../../test/doubles/client-pki.ts';
import { greet, type Asking, type Greeted } from './greet.ts';

/** What greet made of a visitor, when the hello was read as `asking` says. */
async function greeted(context: TestContext, asking: Asking | null, visitor: ConnectionOptions, others: SecureContext | null = null) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const found = new Promise<Greeted | Fault>((resolve) => {
    server.once('connection', (stream) => {
      const deadlines = { time: () => 0, add: () => undefined, delete: () => undefined };
      void greet(stream, { contextFor: () => others, asking, alpn: ['http/1.1'], handshakeMs: 10_000, deadlines }).then(resolve);
    });
  });
  const raw = dial(port, '127.0.0.1');
  const socket = connect({ socket: raw, rejectUnauthorized: false, ...visitor });
  socket.on('error', () => undefined);
  raw.on('error', () => undefined);
  const outcome = await found;
  context.after(() => {
    socket.destroy();
    if ('stream' in outcome) outcome.stream.destroy();
  });
  return outcome;
}

test('what was shown is told as it is, with what TLS has against it; nothing shown is nobody', async (context) => {
  const root = await authority('Root');
  const plain = createSecureContext({ ...root, ca: [root.cert], sessionIdContext: 'a' });
  const asking: Asking = { name: 'a.localhost', context: plain };
  const ana = await signed({ cn: ['ana'], issuer: root });
  const known = await greeted(context, asking, { servername: 'a.localhost', ...ana });
  assert.ok('client' in known);
  assert.deepEqual([known.client?.fault, known.client?.chain.length], [null, 1]);
  const eve = await signed({ cn: ['ana'], issuer: await authority('Root') });
  const other = await greeted(context, asking, { servername: 'a.localhost', ...eve });
  assert.ok('client' in other && typeof other.client?.fault === 'string');
  const stranger = await greeted(context, asking, { servername: 'a.localhost' });
  assert.ok('client' in stranger && stranger.client === null);
  const unasked = await greeted(context, null, { servername: 'a.localhost', ...ana }, plain);
  assert.ok('client' in unasked && unasked.client === null);
});

test('session of another name: a hello that asks for another name than was read gets no handshake', async (context) => {
  const root = await authority('Root');
  const own = createSecureContext({ ...root, ca: [root.cert], sessionIdContext: 'a' });
  const ana = await signed({ cn: ['ana'], issuer: root });
  for (const [name, asked] of [
    ['a.localhost', 'b.localhost'],
    ['a.localhost', ''],
    [null, 'a.localhost'],
  ] as const) {
    const outcome = await greeted(context, { name, context: own }, { servername: asked, ...ana }, own);
    assert.ok('code' in outcome, `${name} and ${asked}`);
  }
});
