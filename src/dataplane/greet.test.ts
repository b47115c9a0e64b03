import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair, type Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { connect, createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import type { Deadline } from '../contracts/protocol.ts';
import type { Fault } from '../core/errors.ts';
import { greet, type Greeted } from './greet.ts';

const folder = mkdtempSync(join(tmpdir(), 'greet-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function contextFor(name: string): SecureContext {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`],
    { stdio: 'ignore' },
  );
  return createSecureContext({ key: readFileSync(key), cert: readFileSync(cert) });
}

const contexts = new Map([
  ['a.localhost', contextFor('a.localhost')],
  ['b.localhost', contextFor('b.localhost')],
]);

class Clock {
  now = 0;
  readonly deadlines = new Set<Deadline>();
  challengeFor: ((name: string) => SecureContext | null) | undefined;

  greet(stream: Duplex): Promise<Greeted | Fault> {
    return greet(stream, {
      contextFor: (name) => (name === null ? null : (contexts.get(name) ?? null)),
      alpn: ['h2', 'http/1.1'],
      challengeFor: this.challengeFor,
      handshakeMs: 10_000,
      deadlines: { time: () => this.now, add: (each) => void this.deadlines.add(each), delete: (each) => void this.deadlines.delete(each) },
    });
  }

  pass(ms: number): void {
    this.now += ms;
    for (const each of this.deadlines) if (each.at <= this.now) each.expire();
  }
}

/** A visitor and what greet made of them, over a socket or over a stream that is none. */
async function visit(
  options: ConnectionOptions,
  over: 'socket' | 'duplex' = 'socket',
  challengeFor?: Clock['challengeFor'],
): Promise<Readonly<{ visitor: TLSSocket; greeted: Greeted | Fault; raw: Duplex }>> {
  const clock = new Clock();
  clock.challengeFor = challengeFor;
  if (over === 'duplex') {
    const [ours, theirs] = duplexPair();
    const visitor = connect({ rejectUnauthorized: false, ...options, socket: theirs });
    visitor.on('error', () => undefined);
    return { visitor, greeted: await clock.greet(ours), raw: ours };
  }
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const visitor = connect({ rejectUnauthorized: false, ...options, host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  visitor.on('error', () => undefined);
  const [raw] = (await once(server, 'connection')) as [Duplex];
  server.close();
  return { visitor, greeted: await clock.greet(raw), raw };
}

function streamOf(greeted: Greeted | Fault): TLSSocket {
  assert.ok('stream' in greeted, 'the handshake failed');
  return greeted.stream;
}

for (const over of ['socket', 'duplex'] as const) {
  test(`shows the certificate of the name asked for, over a ${over}`, async () => {
    for (const name of ['a.localhost', 'B.LOCALHOST']) {
      const { visitor, greeted } = await visit({ servername: name, ALPNProtocols: ['http/1.1'] }, over);
      assert.equal('stream' in greeted ? greeted.sni : null, name.toLowerCase());
      assert.equal(visitor.getPeerCertificate().subject.CN, name.toLowerCase());
      visitor.destroy();
      streamOf(greeted).destroy();
    }
  });

  test(`ending our side ends what lies below, and the other way round, over a ${over}`, async () => {
    const one = await visit({ servername: 'a.localhost' }, over);
    streamOf(one.greeted).destroy();
    await once(one.raw, 'close');
    one.visitor.destroy();
    const other = await visit({ servername: 'a.localhost' }, over);
    const stream = streamOf(other.greeted);
    other.raw.destroy();
    await once(stream, 'close');
    other.visitor.destroy();
  });
}

test('SNI / Host mismatch: a session that is resumed keeps the name it was made for', async () => {
  const first = await visit({ servername: 'a.localhost', maxVersion: 'TLSv1.2' });
  const session = first.visitor.getSession();
  assert.ok(session !== undefined);
  first.visitor.destroy();
  const again = await visit({ servername: 'a.localhost', maxVersion: 'TLSv1.2', session });
  assert.equal('stream' in again.greeted ? again.greeted.sni : null, 'a.localhost');
  again.visitor.destroy();
  const other = await visit({ servername: 'b.localhost', maxVersion: 'TLSv1.2', session });
  assert.equal('stream' in other.greeted ? other.greeted.sni : null, 'b.localhost');
  other.visitor.destroy();
});

for (const over of ['socket', 'duplex'] as const) {
  test(`a name that is not served is told so by TLS's own alert, over a ${over}`, async () => {
    const { visitor, greeted, raw } = await visit({ servername: 'unknown.localhost' }, over);
    const code = await new Promise((resolve) => {
      if (visitor.errored === null) visitor.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      else resolve((visitor.errored as NodeJS.ErrnoException).code);
    });
    assert.equal(code, 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    assert.equal('code' in greeted ? greeted.code : null, 'route-missing');
    assert.ok(raw.destroyed);
  });
}

test('slowloris: who takes no answer to an unknown name is cut in time all the same', async () => {
  const [ours, theirs] = duplexPair();
  theirs.on('error', () => undefined);
  const clock = new Clock();
  const greeting = clock.greet(ours);
  const stuck = ours as Duplex & { _write: unknown };
  stuck._write = () => undefined;
  connect({ socket: theirs, servername: 'unknown.localhost', rejectUnauthorized: false }).on('error', () => undefined);
  while (!ours.writableEnded) await new Promise((resolve) => setImmediate(resolve));
  clock.pass(10_001);
  const greeted = await greeting;
  assert.equal('code' in greeted ? greeted.code : null, 'hello-timed-out');
  assert.ok(ours.destroyed);
});

test('SNI callback crash: names that are none get no handshake and end nothing else', async () => {
  for (const servername of [
    'unknown.localhost',
    '__proto__',
    'constructor',
    'xn--\u0080',
    `${'a'.repeat(63)}.${'b'.repeat(180)}`,
    '*.localhost',
  ]) {
    const { visitor, greeted, raw } = await visit({ servername });
    assert.ok('code' in greeted, servername);
    assert.ok(raw.destroyed);
    visitor.destroy();
  }
});

test('a visitor who sends no name gets no certificate where no address has one', async () => {
  const { greeted } = await visit({});
  assert.ok('code' in greeted);
});

test('bytes that are no TLS are refused', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const visitor = connectPlain((server.address() as AddressInfo).port, '127.0.0.1');
  visitor.on('error', () => undefined);
  visitor.write('GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n');
  const [raw] = (await once(server, 'connection')) as [Duplex];
  server.close();
  const greeted = await new Clock().greet(raw);
  assert.equal('code' in greeted ? greeted.code : null, 'hello-malformed');
  visitor.destroy();
});

test('slowloris: a handshake that is begun and never ended is cut in time', async () => {
  const [ours, theirs] = duplexPair();
  theirs.on('error', () => undefined);
  const clock = new Clock();
  const greeting = clock.greet(ours);
  theirs.write(Buffer.from([0x16, 0x03, 0x01]));
  clock.pass(10_001);
  const greeted = await greeting;
  assert.equal('code' in greeted ? greeted.code : null, 'hello-timed-out');
  assert.ok(ours.destroyed);
  assert.equal(clock.deadlines.size, 0);
});

test('who ends in the handshake is let go at once, and not waited for', { timeout: 10_000 }, async () => {
  const [ours, theirs] = duplexPair();
  theirs.on('error', () => undefined);
  const clock = new Clock();
  const greeting = clock.greet(ours);
  theirs.resume().end(Buffer.from([0x16, 0x03, 0x01]));
  const greeted = await greeting;
  assert.equal('code' in greeted ? greeted.code : null, 'hello-malformed');
  assert.ok(ours.destroyed);
  assert.equal(clock.deadlines.size, 0);
});

test(
  'crash by unhandled: a visitor who resets right behind the handshake is gone, not half-closed',
  { timeout: 10_000 },
  async (context) => {
    const clock = new Clock();
    const server = createServer({ allowHalfOpen: true });
    const raws: Duplex[] = [];
    context.after(() => {
      for (const raw of raws) raw.destroy();
      server.close();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (let round = 0; round < 5; round += 1) {
      const wire = connectPlain((server.address() as AddressInfo).port, '127.0.0.1');
      wire.on('error', () => undefined);
      const visitor = connect({ socket: wire, servername: 'a.localhost', rejectUnauthorized: false });
      visitor.on('error', () => undefined);
      // The server's tickets then meet a connection that is no more.
      visitor.once('secureConnect', () => visitor.write('GET / HT', () => wire.resetAndDestroy()));
      const [raw] = (await once(server, 'connection')) as [Duplex];
      raws.push(raw);
      const greeted = await clock.greet(raw);
      if (!('stream' in greeted)) continue;
      const closed = once(greeted.stream, 'close');
      greeted.stream.resume();
      await closed;
      assert.equal(raw.destroyed, true);
    }
  },
);

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`names of others: a CA that asks whether a name is ours sees the answer, and nobody else does, over ${version}`, async () => {
    const answer = contextFor('answer.localhost');
    const challengeFor = (name: string) => (name === 'a.localhost' ? answer : null);
    const shown = async (servername: string, ALPNProtocols: string[]): Promise<unknown> => {
      const over = { servername, ALPNProtocols, minVersion: version, maxVersion: version };
      const { visitor, greeted } = await visit(over, 'socket', challengeFor);
      const facts = 'stream' in greeted ? [greeted.sni, greeted.alpn, visitor.getPeerCertificate().subject.CN] : greeted.code;
      visitor.destroy();
      if ('stream' in greeted) greeted.stream.destroy();
      return facts;
    };
    assert.deepEqual(await shown('a.localhost', ['acme-tls/1']), ['a.localhost', 'acme-tls/1', 'answer.localhost']);
    assert.deepEqual(await shown('a.localhost', ['http/1.1', 'h2']), ['a.localhost', 'h2', 'a.localhost']);
    assert.deepEqual(await shown('a.localhost', ['acme-tls/1', 'http/1.1']), ['a.localhost', 'http/1.1', 'a.localhost']);
    assert.equal(await shown('b.localhost', ['acme-tls/1']), 'hello-malformed');
    assert.equal(await shown('a.localhost', ['imap']), 'hello-malformed');
  });
}
