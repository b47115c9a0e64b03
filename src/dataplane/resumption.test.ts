/** Going on after a break: who may, with what, and what happens when nobody comes again. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { NetworkInterfaceInfo } from 'node:os';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { revokeGateway } from '../controlplane/enrolment/names.ts';
import type { MachineIdentity, TunnelArrival } from '../contracts/tunnel.ts';
import { frameHeaderBytes, writeFrames } from '../core/mux/frame.ts';
import { FirstMessageReader } from '../core/mux/first-message.ts';
import { encodeMessage } from '../core/mux/message.ts';
import { defaults } from '../core/limits.ts';
import { gateway, identityOf, until, visitor, world } from '../../test/tunnel/relay.ts';
import type { World } from '../../test/tunnel/relay.ts';
import { visit, wireTo } from '../../test/tunnel/visits.ts';
import { acceptedShape, carrierTls, proveChannel } from './greeting.ts';
import type { Ticket } from './resumption.ts';

const name = 'blog.example.test';

type Line = Readonly<{ socket: tls.TLSSocket; said: readonly [string, unknown]; ticket: Ticket | null }>;

/** Greets by hand, and returns the relay's word. */
async function greeted(
  test: TestContext,
  at: World,
  { privateKey, certificate }: MachineIdentity,
  changes: Readonly<Record<string, unknown>>,
): Promise<Line> {
  const socket = tls.connect({ host: '127.0.0.1', port: at.port, servername: '', ...carrierTls, key: privateKey, cert: certificate });
  test.after(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const proof = proveChannel(socket, privateKey);
  const hello = {
    instance: randomBytes(16).toString('hex'),
    proof,
    invite: null,
    window: 65_536,
    streams: 100,
    features: ['resume'],
    ...changes,
  };
  const payload = encodeMessage(hello);
  const bytes = new Uint8Array(frameHeaderBytes + payload.length);
  writeFrames([{ type: 'hello', stream: 0, payload }], bytes);
  socket.write(bytes);
  const reader = new FirstMessageReader(defaults);
  for (;;) {
    const [piece] = (await once(socket, 'data')) as [Buffer];
    const read = reader.push(piece);
    if (read.is !== 'message') continue;
    const accepted = acceptedShape.safeParse(read.value);
    return { socket, said: [read.type, read.value], ticket: accepted.success ? (accepted.data.resume ?? null) : null };
  }
}

describe('going on after a break', () => {
  it('session hijacking: a ticket is worth nothing with another secret, another key, or a position that cannot be', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const other = await at.member('photos');
    const { socket, ticket } = await greeted(test, at, key, {});
    ok(ticket !== null);
    const secret = randomBytes(32).toString('base64url');
    const session = randomBytes(16).toString('hex');
    const tries: readonly (readonly [MachineIdentity, Readonly<Record<string, unknown>>])[] = [
      [other, { ...ticket, received: 0 }],
      [key, { ...ticket, secret, received: 0 }],
      [key, { ...ticket, session, received: 0 }],
      [key, { ...ticket, received: 1_000_000 }],
    ];
    for (const [who, resume] of tries)
      deepEqual((await greeted(test, at, who, { resume })).said, ['refused', { code: 'relay-refused' }], JSON.stringify(resume));
    deepEqual((await greeted(test, at, key, { resume: { ...ticket, received: -1 } })).said, ['refused', { code: 'frame-malformed' }]);
    equal(socket.destroyed, false, 'the carrier that was asked for goes on');
    deepEqual(at.faults, []);
  });

  it('replay: a ticket ends with its carrier, and with the grants of its key', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const first = await greeted(test, at, key, {});
    first.socket.destroy();
    await until(() => at.ends.length > 0);
    const resume = { ...first.ticket, received: 0 };
    deepEqual(
      (await greeted(test, at, key, { resume })).said,
      ['refused', { code: 'relay-refused' }],
      'nothing ran on it: it ended at once',
    );
    const second = await greeted(test, at, key, {});
    await revokeGateway(at.store, key.fingerprint, Date.now());
    deepEqual((await greeted(test, at, key, { resume: { ...second.ticket, received: 0 } })).said, ['refused', { code: 'relay-refused' }]);
  });

  it('a download is whole although its connection dies without a word, again and again', async (test) => {
    const at = await world(test, { carriersPerRelay: 1, carrierIdleMs: 600 });
    const key = await at.member('blog');
    const wire = await wireTo(test, at.port);
    const sent = randomBytes(24_000_000);
    const server = tls.createServer({ key: key.privateKey, cert: key.certificate }, (socket) => {
      socket.on('error', () => undefined);
      socket.end(sent);
    });
    const serve = ({ stream }: TunnelArrival): void => void server.emit('connection', stream);
    const member = gateway(test, at, { identity: key, names: [name], address: wire.address, serve });
    await member.link.ready;
    const got = createHash('sha256');
    let bytes = 0;
    let silenced = 0;
    const socket = visitor(at.port, name);
    socket.on('data', (piece: Buffer) => {
      got.update(piece);
      bytes += piece.length;
      if (silenced === 3 || bytes < (silenced + 1) * 5_000_000) return;
      silenced += 1;
      wire.freeze();
    });
    await once(socket, 'end');
    equal(silenced, 3);
    equal(bytes, sent.length);
    equal(got.digest('hex'), createHash('sha256').update(sent).digest('hex'));
    equal(member.states.length, 2, 'nobody was told of a loss');
  });

  it('a stream survives a change of the network that nobody was told of', async (test) => {
    // Nothing but the change may find the dead connections.
    const at = await world(test, { carrierProbeMs: 200, carrierIdleMs: 600_000 });
    const key = await at.member('blog');
    const wire = await wireTo(test, at.port);
    let interfaces = 'wlan';
    const watching = {
      everyMs: 10,
      interfaces: () => ({ [interfaces]: [{ address: interfaces, internal: false } as NetworkInterfaceInfo] }),
    };
    const member = gateway(test, at, { identity: key, names: [name], address: wire.address, watching });
    await until(() => member.link.carriers() === 2);
    const sockets = Array.from({ length: 4 }, () => visitor(at.port, name));
    for (const socket of sockets) {
      socket.write('x');
      await once(socket, 'data');
    }
    wire.freeze();
    const echoes = sockets.map((socket) => once(socket, 'data'));
    for (const socket of sockets) socket.write('y');
    interfaces = 'ethernet';
    deepEqual(
      (await Promise.all(echoes)).map(([piece]) => String(piece)),
      ['y', 'y', 'y', 'y'],
    );
    for (const socket of sockets) socket.destroy();
  });

  it('ends by itself when nobody comes again: what ran is cut, and the name is free', async (test) => {
    const at = await world(test, { carriersPerRelay: 1, resumeMs: 500, visitorHoldMs: 100 });
    const key = await at.member('blog');
    const wire = await wireTo(test, at.port);
    const member = gateway(test, at, { identity: key, names: [name], address: wire.address });
    await member.link.ready;
    const socket = visitor(at.port, name);
    socket.write('x');
    await once(socket, 'data');
    wire.close();
    await until(() => socket.destroyed, 10_000);
    ok((await visit(at.port, name)) !== null);
    await until(() => member.states.at(-1)?.[0] === 'lost' || member.states.at(-1)?.[0] === 'connecting', 10_000);
  });

  it('a relay that died and began anew is told as lost, not as one that refuses, and has its gateway back', async (test) => {
    // The second has the same key and grants, and knows no carrier.
    const [first, second] = [await world(test, { carriersPerRelay: 1 }), await world(test)];
    const key = await first.member('blog');
    equal((await second.member('blog')).fingerprint, key.fingerprint);
    const wire = await wireTo(test, first.port);
    const member = gateway(test, first, { identity: key, names: [name], address: wire.address });
    await member.link.ready;
    const socket = visitor(first.port, name);
    socket.write('x');
    await once(socket, 'data');
    const [lost, back] = [member.state('lost'), member.state('ready')];
    wire.leadTo(second.port);
    equal((await lost)?.code, 'relay-unreachable');
    await back;
    equal(await visit(second.port, name), null);
    socket.destroy();
  });

  it('a newcomer of the same key has the names at once', async (test) => {
    const at = await world(test, { carriersPerRelay: 1 });
    const key = await identityOf('member 0');
    equal((await at.member('blog')).fingerprint, key.fingerprint);
    const wire = await wireTo(test, at.port);
    const member = gateway(test, at, { identity: key, names: [name], address: wire.address });
    await member.link.ready;
    const socket = visitor(at.port, name);
    socket.write('x');
    await once(socket, 'data');
    wire.close();
    const before = performance.now();
    const next = gateway(test, at, { identity: key, names: [name] });
    await next.state('ready');
    equal(await visit(at.port, name), null);
    ok(performance.now() - before < 2_500, 'it waited for nobody');
    socket.destroy();
  });
});
