import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Deadline } from '../contracts/protocol.ts';
import { parseNetwork } from '../core/address.ts';
import { limitsWith } from '../core/limits.ts';
import { proxyHeader } from '../core/proxy-protocol.ts';
import { Balancers, isTrusted } from './balancers.ts';

type Context = Readonly<{ after: (done: () => Promise<void>) => void }>;

/** A balancer's socket and ours. */
async function pair(context: Context): Promise<readonly [theirs: Socket, ours: Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const theirs = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const [ours] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const socket of [theirs, ours]) socket.on('error', () => undefined);
  context.after(async () => (theirs.destroy(), void ours.destroy()));
  theirs.setNoDelay(true);
  return [theirs, ours];
}

function balancers(perAddress = 100): readonly [Balancers, deadlines: Set<Deadline>] {
  const set = new Set<Deadline>();
  const deadlines = { time: () => 1_000, add: (each: Deadline) => void set.add(each), delete: (each: Deadline) => void set.delete(each) };
  return [new Balancers({ limits: limitsWith({ connectionsPerAddressMax: perAddress }), deadlines }), set];
}

const peer = { ip: '10.0.0.9', port: 7 };
const visitor = { ip: '2001:db8::7', port: 5 };

test('the visitor is who the header says, in pieces of one byte too, and what follows waits for its reader', async (context) => {
  const [door, deadlines] = balancers();
  for (const version of ['v1', 'v2'] as const) {
    const [theirs, ours] = await pair(context);
    const admitted = door.admit(ours, peer);
    for (const byte of proxyHeader(version, visitor, 443)) theirs.write(Uint8Array.of(byte));
    theirs.write('first words');
    assert.deepEqual(await admitted, visitor);
    const said = once(ours, 'data');
    ours.resume();
    assert.equal(String((await said)[0]), 'first words');
    assert.equal(deadlines.size, 0);
  }
  const [theirs, ours] = await pair(context);
  theirs.write(proxyHeader('v2', null, 443));
  assert.deepEqual(await door.admit(ours, peer), peer);
});

test('slowloris: a header that does not come in time, or is none, ends the connection', async (context) => {
  const [door, deadlines] = balancers();
  const [slow, ours] = await pair(context);
  const admitted = door.admit(ours, peer);
  slow.write('PROX');
  await once(ours, 'data');
  const [deadline] = deadlines;
  assert.equal(deadline?.at, 1_000 + limitsWith({}).helloMs);
  deadline?.expire();
  const late = await admitted;
  assert.equal('code' in late && late.code, 'hello-timed-out');
  assert.deepEqual([ours.destroyed, deadlines.size], [true, 0]);

  const [wrong, other] = await pair(context);
  wrong.write('GET / HTTP/1.1\r\n');
  const refused = await door.admit(other, peer);
  assert.deepEqual(['code' in refused && refused.code, other.destroyed], ['preamble-malformed', true]);

  const [leaver, third] = await pair(context);
  const left = door.admit(third, peer);
  leaver.end('PROXY TCP4');
  const gone = await left;
  assert.equal('code' in gone && gone.code, 'visitor-gone');
});

test('visitors are counted by their own addresses, and who leaves makes room', async (context) => {
  const [door] = balancers(2);
  const come = async (ip: string): Promise<readonly [Awaited<ReturnType<Balancers['admit']>>, Socket]> => {
    const [theirs, ours] = await pair(context);
    theirs.write(proxyHeader('v2', { ip, port: 1 }, 443));
    return [await door.admit(ours, peer), ours];
  };
  const [, first] = await come('2001:db8::1');
  // The same household.
  await come('2001:db8::2');
  const [full, socket] = await come('2001:db8::3');
  assert.deepEqual(['code' in full && full.code, socket.destroyed], ['connections-exceeded', true]);
  assert.deepEqual((await come('2001:db8:1::1'))[0], { ip: '2001:db8:1::1', port: 1 });
  first.destroy();
  await once(first, 'close');
  assert.deepEqual((await come('2001:db8::4'))[0], { ip: '2001:db8::4', port: 1 });
});

test('nobody is trusted who is not named', () => {
  const trust = ['10.0.0.0/8', '::1'].flatMap((text) => parseNetwork(text) ?? []);
  assert.deepEqual(
    ['10.1.2.3', '::1', '11.0.0.1', '::2', '127.0.0.1', '0.0.0.0', ''].map((ip) => isTrusted(ip, trust)),
    [true, true, false, false, false, false, false],
  );
  assert.deepEqual([isTrusted('10.0.0.1', undefined), isTrusted('10.0.0.1', [])], [false, false]);
});
