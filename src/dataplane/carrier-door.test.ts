/** Tunnel auth: who may be a gateway, what it may hold, and what a stranger learns by trying. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { revokeGateway } from '../controlplane/enrolment/names.ts';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import { SallyportError, fault } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import { dial, drained, gateway, identityOf, joined, makeIdentity, until, visitor, world } from '../../test/tunnel/relay.ts';
import type { World } from '../../test/tunnel/relay.ts';
import { Carrier } from './carrier.ts';
import { carrierTls, proveChannel } from './greeting.ts';

type Raw = Readonly<{ socket: tls.TLSSocket; carrier: Carrier; heard: (readonly [string, unknown])[]; ended: Promise<void> }>;

/** A gateway's carrier by hand, up to the hello. */
async function rawCarrier(
  test: TestContext,
  at: World,
  identity: MachineIdentity | null,
  changes: tls.ConnectionOptions = {},
): Promise<Raw> {
  const keys = identity === null ? {} : { key: identity.privateKey, cert: identity.certificate };
  const socket = tls.connect({ host: '127.0.0.1', port: at.port, servername: '', ...carrierTls, ...keys, ...changes });
  test.after(() => socket.destroy());
  socket.on('error', () => undefined);
  const heard: (readonly [string, unknown])[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', resolve);
  await Promise.race([once(socket, 'secureConnect'), promise]);
  const carrier = new Carrier({
    socket,
    side: 'gateway',
    limits: defaults,
    taker: {
      message: (type, value) => void heard.push([type, value]),
      open: () => undefined,
      goaway: () => undefined,
      end: () => undefined,
    },
  });
  return { socket, carrier, heard, ended: promise };
}

const helloOf = (
  socket: tls.TLSSocket,
  identity: MachineIdentity,
  changes: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> => ({
  instance: randomBytes(16).toString('hex'),
  proof: proveChannel(socket, identity.privateKey),
  invite: null,
  window: 65_536,
  streams: 100,
  features: [],
  ...changes,
});

const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof SallyportError ? error.code : String(error)),
  );

describe('tunnel auth', () => {
  it('admits a key that owns a name', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const raw = await rawCarrier(test, at, key);
    raw.carrier.message('hello', helloOf(raw.socket, key));
    await until(() => raw.heard.length === 1);
    deepEqual(raw.heard[0], [
      'accepted',
      { domain: 'example.test', grants: ['blog.example.test', '*.blog.example.test'], window: raw.carrier.limits.window, features: [] },
    ]);
  });

  it('tells whoever came while the relay’s key was changed the key that it has now', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const next = await identityOf('relay to come');
    const raw = await rawCarrier(test, at, key);
    at.relay.useKeys(next, null);
    raw.carrier.message('hello', helloOf(raw.socket, key, { features: ['next-key'] }));
    await until(() => raw.heard.length === 1);
    const [type, accepted] = raw.heard[0] ?? [];
    deepEqual([type, (accepted as { next?: string }).next], ['accepted', next.fingerprint]);
  });

  it('refuses a key that owns nothing', async (test) => {
    const at = await world(test);
    const key = await identityOf('stranger');
    const raw = await rawCarrier(test, at, key);
    raw.carrier.message('hello', helloOf(raw.socket, key));
    await raw.ended;
    deepEqual(raw.heard, [['refused', { code: 'relay-refused' }]]);
  });

  it('refuses the replay of a captured greeting on another channel', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const first = await rawCarrier(test, at, key);
    const captured = helloOf(first.socket, key);
    first.carrier.message('hello', captured);
    await until(() => first.heard.length === 1);
    const second = await rawCarrier(test, at, key);
    second.carrier.message('hello', captured);
    await second.ended;
    deepEqual(second.heard, [['refused', { code: 'frame-malformed' }]]);
  });

  it('refuses a proof made with another key than the channel shows', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const thief = await identityOf('stranger');
    const raw = await rawCarrier(test, at, thief);
    raw.carrier.message('hello', helloOf(raw.socket, key));
    await raw.ended;
    deepEqual(raw.heard, [['refused', { code: 'frame-malformed' }]]);
  });

  it('cuts a carrier without a certificate before it is read', async (test) => {
    const at = await world(test);
    const raw = await rawCarrier(test, at, null);
    raw.carrier.message('hello', {});
    await raw.ended;
    deepEqual(raw.heard, []);
    await until(() => at.ends.length === 1);
    equal(at.ends[0]?.code, 'carrier-broken');
  });

  for (const [kind, algorithm] of [
    ['RSA', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2_048 }],
    ['Ed25519', { name: 'Ed25519' }],
    ['P-384', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }],
  ] as const) {
    it(`cuts a carrier whose key is of a kind that we do not make: ${kind}`, async (test) => {
      const at = await world(test);
      await import('reflect-metadata');
      const x509 = await import('@peculiar/x509');
      const keys = await generated(algorithm);
      const cert = (await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=x', keys, signingAlgorithm: algorithm })).toString(
        'pem',
      );
      const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
      const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
      const raw = await rawCarrier(test, at, null, { cert, key });
      raw.carrier.message('hello', { instance: '0'.repeat(32), proof: 'AAAA', invite: null, window: 65_536, streams: 1, features: [] });
      await raw.ended;
      deepEqual(raw.heard, []);
      await until(() => at.ends.length === 1);
    });
  }

  it('refuses a downgrade to TLS 1.2', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const socket = tls.connect({
      host: '127.0.0.1',
      port: at.port,
      ...carrierTls,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      key: key.privateKey,
      cert: key.certificate,
    });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    ok(/protocol version/i.test(error.message), error.message);
  });

  it('takes no resumed session for a certificate', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const raw = await rawCarrier(test, at, key, { secureOptions: 0 });
    let session: Buffer | undefined;
    raw.socket.on('session', (kept: Buffer) => (session = kept));
    raw.carrier.message('hello', helloOf(raw.socket, key));
    await until(() => raw.heard.length === 1);
    // OpenSSL sends a ticket all the same, but one that refers to a cache which does not exist.
    const again = await rawCarrier(test, at, null, { secureOptions: 0, ...(session === undefined ? {} : { session }) });
    equal(again.socket.isSessionReused(), false);
    again.carrier.message('hello', helloOf(raw.socket, key));
    await again.ended;
    deepEqual(again.heard, []);
  });

  it('refuses a hello with a field that it does not know, or of another shape', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    for (const changes of [{ more: 1 }, { window: 0 }, { streams: -1 }, { instance: 'x' }, { proof: 7 }, { invite: 'x'.repeat(1_000) }]) {
      const raw = await rawCarrier(test, at, key);
      raw.carrier.message('hello', helloOf(raw.socket, key, changes));
      await raw.ended;
      deepEqual(raw.heard, [['refused', { code: 'frame-malformed' }]], JSON.stringify(changes));
    }
  });

  it('cuts a carrier that speaks HTTP', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const socket = tls.connect({
      host: '127.0.0.1',
      port: at.port,
      servername: '',
      ...carrierTls,
      key: key.privateKey,
      cert: key.certificate,
    });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await drained(socket);
    await until(() => at.ends.some((end) => end.code === 'frame-malformed'));
  });

  it('ends a carrier that never greets', async (test) => {
    const at = await world(test, { handshakeMs: 100 });
    const key = await at.member('blog');
    const raw = await rawCarrier(test, at, key);
    await raw.ended;
    await until(() => at.ends.some((end) => end.code === 'hello-timed-out'));
  });

  it('ends a carrier whose TLS stands still after its hello', async (test) => {
    const at = await world(test, { handshakeMs: 100 });
    const socket = dial(at.port);
    const line = await firstFlight();
    socket.write(line);
    await drained(socket);
    await until(() => at.ends.some((end) => end.code === 'hello-timed-out'));
  });

  it('keeps no place for who had gone before their turn came', async (test) => {
    const at = await world(test, { carriersPreAuthMax: 1 });
    const line = await firstFlight();
    const first = dial(at.port);
    first.write(line);
    await once(first, 'data');
    // Its end comes right behind its hello, and is read with it.
    const gone = connect({ host: '127.0.0.1', port: at.port, allowHalfOpen: true });
    gone.on('error', () => undefined).end(line);
    await once(gone, 'finish');
    await new Promise((resolve) => void setTimeout(resolve, 100));
    first.destroy();
    // Long before the time of a greeting is over.
    await until(() => at.ends.length === 2);
    deepEqual(
      at.ends.map(({ code }) => code),
      ['carrier-broken', 'carrier-broken'],
    );
    gone.destroy();
    ok(await at.member('blog'));
  });

  it('caps carriers of one address that have not greeted, and keeps no others out (slowloris)', async (test) => {
    const at = await world(test, { carriersPreAuthPerAddressMax: 2, carriersWaitingPerAddressMax: 0 });
    const line = await firstFlight();
    const from = (localAddress: string): Socket => {
      const socket = connect({ host: '127.0.0.1', port: at.port, localAddress });
      socket.on('error', () => undefined).write(line);
      return socket;
    };
    const slow = [from('127.0.0.9'), from('127.0.0.9')];
    await Promise.all(slow.map((socket) => once(socket, 'data')));
    equal((await drained(from('127.0.0.9'))).length, 0);
    await once(from('127.0.0.10'), 'data');
    ok(await at.member('blog'));
  });

  it('lets gateways that come in one moment wait for a place, and sends none away', async (test) => {
    const at = await world(test, { carriersPreAuthMax: 1 });
    const keys = await Promise.all(['one', 'two', 'three', 'four'].map((name) => at.member(name)));
    const raw = await Promise.all(
      keys
        .map((key) => rawCarrier(test, at, key).then((one) => ({ ...one, key })))
        .map(async (coming) => {
          const { carrier, socket, heard, key } = await coming;
          carrier.message('hello', helloOf(socket, key));
          await until(() => heard.length > 0);
          return heard[0]?.[0];
        }),
    );
    deepEqual(
      raw,
      keys.map(() => 'accepted'),
    );
  });

  it('keeps the newest carriers of one key, so that one gateway cannot fill the relay', async (test) => {
    const at = await world(test, { carriersPerKeyMax: 2 });
    const key = await at.member('blog');
    for (let count = 0; count < 4; count += 1) {
      const { socket, carrier, heard } = await rawCarrier(test, at, key);
      carrier.message('hello', helloOf(socket, key));
      await until(() => heard.length > 0);
    }
    await until(() => at.relay.gateways().length === 2);
    equal(at.ends.filter((end) => end.code === 'connections-exceeded').length, 2);
  });

  it('caps carriers that have not greeted', async (test) => {
    const at = await world(test, { carriersPreAuthMax: 3, carriersWaitingMax: 0 });
    const line = await firstFlight();
    const waiting = Array.from({ length: 3 }, () => dial(at.port));
    for (const socket of waiting) socket.write(line);
    await Promise.all(waiting.map((socket) => once(socket, 'data')));
    const fourth = dial(at.port);
    fourth.write(line);
    equal((await drained(fourth)).length, 0);
    for (const socket of waiting) socket.destroy();
    await until(() => at.ends.length === 4);
    const key = await at.member('blog');
    ok(key, 'and lets others in once they are gone');
  });
});

async function generated(algorithm: Readonly<{ name: string } & Record<string, unknown>>): Promise<webcrypto.CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  if (!('privateKey' in keys)) throw new Error('one key where two are needed');
  return keys;
}

/** A carrier's ClientHello, as bytes. */
async function firstFlight(): Promise<Buffer> {
  const { Duplex } = await import('node:stream');
  return new Promise((resolve) => {
    const line = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        done();
        resolve(chunk);
      },
    });
    tls.connect({ socket: line, servername: '', ...carrierTls }).on('error', () => undefined);
  });
}

describe('invitations', () => {
  it('are good for one use, and a stranger learns nothing of why not', async (test) => {
    const at = await world(test);
    const [one, two] = [await identityOf('one'), await identityOf('two')];
    const code = await at.invite('blog');
    deepEqual((await joined(code, one, at.limits)).grants, ['blog.example.test', '*.blog.example.test']);
    equal(await codeOf(joined(code, two, at.limits)), 'invite-refused');
    equal(await codeOf(joined(code, one, at.limits)), 'invite-refused');
    const forged = `${code.slice(0, -22)}${randomBytes(16).toString('base64url')}`;
    equal(await codeOf(joined(forged, two, at.limits)), 'invite-refused');
  });

  it('give the name to one of two that come at once', async (test) => {
    const at = await world(test);
    const [one, two] = [await identityOf('one'), await identityOf('two')];
    const code = await at.invite('blog');
    const codes = await Promise.all([codeOf(joined(code, one, at.limits)), codeOf(joined(code, two, at.limits))]);
    deepEqual(codes.toSorted(), ['invite-refused', 'none']);
    const other = await Promise.all([at.invite('shop'), at.invite('shop')]);
    const taken = await Promise.all([codeOf(joined(other[0], one, at.limits)), codeOf(joined(other[1], two, at.limits))]);
    deepEqual(taken.toSorted(), ['name-taken', 'none']);
  });
});

describe('names', () => {
  it('are held only by the key that owns them: no name squatting, no wildcard over others', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    await joined(await at.invite('shop'), await identityOf('two'), at.limits);
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await member.link.ready;
    const wanted = [
      'shop.example.test',
      '*.example.test',
      'example.test',
      '*.shop.example.test',
      'blog.example.org',
      'blog.example.test.',
      'BLOG.example.test',
      '*',
      '*.*.blog.example.test',
      'xblog.example.test',
      'a.blog.example.test',
    ];
    const answers = await member.link.register(wanted);
    deepEqual(
      answers.map((answer) => (answer.is === 'held' ? 'held' : answer.code)),
      [
        'name-refused',
        'name-refused',
        'name-refused',
        'name-refused',
        'name-refused',
        'name-malformed',
        'name-malformed',
        'name-malformed',
        'name-malformed',
        'name-refused',
        'held',
      ],
    );
    deepEqual(at.relay.gateways()[0]?.names, ['a.blog.example.test'], 'a registration says the whole set');
  });

  it('stay with a living process when a second connector of the same key comes', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const first = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await first.link.ready;
    const second = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    equal((await second.state('lost'))?.code, 'name-taken');
    await first.link.close();
    await second.link.ready;
  });

  it('go to the newcomer when the old process does not answer', async (test) => {
    const at = await world(test, { carrierProbeMs: 100 });
    const key = await at.member('blog');
    const frozen = await rawCarrier(test, at, key);
    frozen.carrier.message('hello', helloOf(frozen.socket, key));
    await until(() => frozen.heard.length === 1);
    frozen.carrier.begin({ window: 65_536, streams: 0 });
    frozen.carrier.message('register', { ask: 1, names: ['blog.example.test'] });
    await until(() => frozen.heard.length === 2);
    frozen.socket.pause();
    const second = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await second.link.ready;
    deepEqual(
      at.relay.gateways().map((one) => one.names),
      [['blog.example.test']],
    );
  });

  it('go at once to a process that comes again while its own old carrier still seems to stand', async (test) => {
    const at = await world(test, { carrierProbeMs: 60_000 });
    const key = await at.member('blog');
    const instance = randomBytes(16).toString('hex');
    const both = [await rawCarrier(test, at, key), await rawCarrier(test, at, key)];
    for (const raw of both) {
      raw.carrier.message('hello', helloOf(raw.socket, key, { instance }));
      await until(() => raw.heard.length === 1);
      raw.carrier.begin({ window: 65_536, streams: 0 });
      raw.carrier.message('register', { ask: 1, names: ['blog.example.test'] });
      await until(() => raw.heard.length === 2);
      deepEqual(raw.heard[1], ['names', { ask: 1, answers: [{ name: 'blog.example.test', is: 'held' }] }]);
      raw.socket.pause();
    }
    deepEqual(
      at.relay.gateways().map((one) => [one.names, one.carriers]),
      [[['blog.example.test'], 2]],
    );
  });

  it('are what the newest registration said, also when an older one comes late on another carrier', async (test) => {
    const at = await world(test);
    const key = await at.member('blog', 'shop');
    const instance = randomBytes(16).toString('hex');
    const said: (readonly [number, string])[] = [
      [5, 'blog.example.test'],
      [3, 'shop.example.test'],
    ];
    const answers: unknown[] = [];
    for (const [ask, name] of said) {
      const raw = await rawCarrier(test, at, key);
      raw.carrier.message('hello', helloOf(raw.socket, key, { instance }));
      await until(() => raw.heard.length === 1);
      raw.carrier.begin({ window: 65_536, streams: 0 });
      raw.carrier.message('register', { ask, names: [name] });
      await until(() => raw.heard.length === 2);
      answers.push(raw.heard[1]?.[1]);
    }
    deepEqual(answers, [
      { ask: 5, answers: [{ name: 'blog.example.test', is: 'held' }] },
      { ask: 3, answers: [{ name: 'shop.example.test', is: 'refused', code: 'name-refused' }] },
    ]);
    deepEqual(at.relay.gateways()[0]?.names, ['blog.example.test']);
  });

  it('are not shared with whoever says the instance of another key', async (test) => {
    const at = await world(test);
    const [one, two] = [await at.member('blog'), await identityOf('two')];
    await joined(await at.invite('shop'), two, at.limits);
    const instance = randomBytes(16).toString('hex');
    for (const [key, name] of [
      [one, 'blog.example.test'],
      [two, 'shop.example.test'],
    ] as const) {
      const raw = await rawCarrier(test, at, key);
      raw.carrier.message('hello', helloOf(raw.socket, key, { instance }));
      await until(() => raw.heard.length === 1);
      raw.carrier.begin({ window: 65_536, streams: 0 });
      raw.carrier.message('register', { ask: 1, names: [name] });
      await until(() => raw.heard.length === 2);
    }
    deepEqual(
      at.relay.gateways().map((gateway) => [gateway.names, gateway.carriers]),
      [
        [['blog.example.test'], 1],
        [['shop.example.test'], 1],
      ],
    );
  });

  it('end with their grant: live carriers and streams are cut at once', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await member.link.ready;
    const socket = visitor(at.port, 'blog.example.test');
    socket.write('x');
    await once(socket, 'data');
    const lost = member.state('lost');
    deepEqual(await revokeGateway(at.store, key.fingerprint, Date.now()), ['blog']);
    await Promise.all([drained(socket), lost]);
    equal((await member.state('lost'))?.code, 'relay-refused');
    deepEqual(at.relay.gateways(), []);
  });

  it('that were taken back end their streams, and leave the key its others', async (test) => {
    const at = await world(test);
    const key = await at.member('blog', 'shop');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test', 'shop.example.test'] });
    await member.link.ready;
    const socket = visitor(at.port, 'shop.example.test');
    socket.write('x');
    await once(socket, 'data');
    const again = member.state('ready');
    await at.store.records.delete('names/shop');
    await drained(socket);
    equal((await again)?.code, 'name-refused');
    deepEqual(at.relay.gateways()[0]?.names, ['blog.example.test']);
  });
});

describe('a hostile gateway', () => {
  it('opens no streams at the relay', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const raw = await rawCarrier(test, at, key);
    raw.carrier.message('hello', helloOf(raw.socket, key));
    await until(() => raw.heard.length === 1);
    raw.socket.write(Buffer.concat([Buffer.from([1, 0x10, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8]), Buffer.alloc(8)]));
    await raw.ended;
    await until(() => at.ends.some((end) => end.code === 'frame-malformed'));
  });

  it('is cut for a flood of registrations, and for answers that nobody asked for', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    for (const type of ['register', 'names'] as const) {
      const raw = await rawCarrier(test, at, key);
      raw.carrier.message('hello', helloOf(raw.socket, key));
      await until(() => raw.heard.length === 1);
      raw.carrier.begin({ window: 65_536, streams: 0 });
      for (let count = 0; count < 20; count++) raw.carrier.message(type, { ask: count, names: [] });
      await raw.ended;
    }
    equal(at.ends.filter((end) => end.code === 'frame-malformed').length, 2);
  });

  it('is gone with a second key: the keys of others are not touched', async (test) => {
    const at = await world(test);
    const [one, two] = [await at.member('blog'), await makeIdentity()];
    await joined(await at.invite('shop'), two, at.limits);
    const first = gateway(test, at, { identity: one, names: ['blog.example.test'] });
    await first.link.ready;
    const raw = await rawCarrier(test, at, two);
    raw.carrier.message('hello', helloOf(raw.socket, two));
    await until(() => raw.heard.length === 1);
    raw.carrier.close(fault('interrupted', 'test'));
    const socket = visitor(at.port, 'blog.example.test');
    socket.write('x');
    await once(socket, 'data');
    socket.destroy();
  });
});
