import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { createServer as createPlain, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer as createTls } from 'node:tls';
import { openLocalCa, type Leaf, type LocalCa } from '../certificates/local-ca.ts';
import { openHome } from '../home.ts';
import { probeSource } from './loopback.ts';
import { reachSelf, type Reached } from './reach.ts';

const nonce = 'n'.repeat(64);
const proof = createHmac('sha256', nonce).update('reached').digest('hex');
const refusal = `HTTP/1.1 401 Unauthorized\r\nSallyport-Check: ${proof}\r\nContent-Length: 0\r\n\r\n`;

async function listening(server: Server, use: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  try {
    await use(port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe('reaching ourselves', () => {
  let place: string;
  let ca: LocalCa;
  let leaf: Leaf;
  let trusted: string;
  before(async () => {
    place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-reach-')));
    ca = await openLocalCa(await openHome({ SALLYPORT_HOME: join(place, 'home') }), { names: [], now: Date.now });
    leaf = await ca.leafFor(['blog.localhost']);
    trusted = await readFile(ca.path, 'utf8');
  });
  after(() => rm(place, { recursive: true }));

  /** What comes of it when a server with that certificate answers so; what it was sent. */
  const reach = async (
    answer: string,
    changes: { readonly leaf?: Leaf; readonly fingerprint?: string; readonly url?: string; readonly ca?: string } = {},
  ) => {
    const seen = { sent: '', name: '', result: null as Reached | null };
    const { key, cert } = changes.leaf ?? leaf;
    const server = createTls({ key, cert }, (socket) => {
      socket.on('error', () => {});
      seen.name = typeof socket.servername === 'string' ? socket.servername : '';
      socket.on('data', (bytes) => {
        seen.sent += bytes.toString();
        socket.end(answer);
      });
    });
    server.on('tlsClientError', () => {});
    await listening(server, async (port) => {
      seen.result = await reachSelf({
        url: changes.url ?? `https://blog.localhost:${port}/deep?secret`,
        dial: changes.url === undefined ? null : { host: '127.0.0.1', port },
        ca: changes.ca ?? trusted,
        fingerprint: changes.fingerprint ?? (changes.leaf ?? leaf).fingerprint,
        nonce,
        signal: new AbortController().signal,
        timeoutMs: 2_000,
      });
    });
    return seen;
  };
  const whyOf = (seen: { readonly result: Reached | null }): string => (seen.result?.ok === false ? seen.result.why : 'it was reached');

  it('is done when our certificate and our refusal with its proof are seen; *.localhost is this machine (RFC 6761)', async () => {
    const seen = await reach(refusal);
    assert.deepEqual(seen.result, { ok: true });
    assert.equal(seen.name, 'blog.localhost');
    assert.match(seen.sent, /^GET \/ HTTP\/1\.1\r\nHost: blog\.localhost:\d+\r\n/);
    assert.equal(seen.sent.includes('secret'), false);
    assert.deepEqual((await reach(refusal.replace('401', '403'))).result, { ok: true });
  });

  it('sends nothing to who shows another certificate, though it be one of our CA', async () => {
    const seen = await reach(refusal, { leaf: await ca.leafFor(['blog.localhost']), fingerprint: leaf.fingerprint });
    assert.match(whyOf(seen), /another certificate/);
    assert.equal(seen.sent, '');
  });

  it('fails when visitors who trust the CA would refuse the certificate', async () => {
    const other = await openLocalCa(await openHome({ SALLYPORT_HOME: join(place, 'other') }), { names: [], now: Date.now });
    assert.match(whyOf(await reach(refusal, { ca: await readFile(other.path, 'utf8') })), /visitors would refuse/);
  });

  it('fails when the certificate is for another name', async () => {
    const wrong = await ca.leafFor(['shop.localhost']);
    assert.match(whyOf(await reach(refusal, { leaf: wrong })), /visitors would refuse/);
  });

  it('fails when another program answers, or ours lets a stranger in', async () => {
    assert.match(whyOf(await reach('HTTP/1.1 401 Unauthorized\r\n\r\n')), /another program/);
    assert.match(whyOf(await reach(refusal.replace(proof, 'a'.repeat(64)))), /another program/);
    assert.match(whyOf(await reach(refusal.replace('\r\nContent', `\r\nSallyport-Check: ${proof}\r\nContent`))), /another program/);
    assert.match(whyOf(await reach(`HTTP/1.1 401 No\r\nX: y\r\n\r\nSallyport-Check: ${proof}\r\n\r\n`)), /another program/);
    assert.match(whyOf(await reach(refusal.replace('401', '200'))), /let in/);
    assert.match(whyOf(await reach('SSH-2.0-OpenSSH\r\n\r\n')), /does not speak HTTP/);
    assert.match(whyOf(await reach('')), /without an answer/);
    assert.match(whyOf(await reach(`HTTP/1.1 401 No\r\nX: ${'y'.repeat(20_000)}`)), /no end/);
  });

  it('dials where it is told, with the name of the address', async () => {
    const { cert, ...rest } = await ca.leafFor(['10.1.2.3']);
    const seen = await reach(refusal, { url: 'https://10.1.2.3:8443', leaf: { cert, ...rest } });
    assert.deepEqual([seen.result, seen.name], [{ ok: true }, '']);
  });

  it('works over plain HTTP as well, without a certificate', async () => {
    await listening(
      createPlain((socket) => socket.once('data', () => socket.end(refusal))),
      async (port) => {
        const options = {
          url: `http://127.0.0.1:${port}`,
          dial: null,
          ca: null,
          fingerprint: null,
          nonce,
          signal: new AbortController().signal,
        };
        assert.deepEqual(await reachSelf(options), { ok: true });
        assert.equal((await reachSelf({ ...options, fingerprint: leaf.fingerprint })).ok, false);
      },
    );
  });

  it('ends by itself where nothing answers, and at once when it is told to', async () => {
    await listening(
      createPlain(() => {}),
      async (port) => {
        const options = { url: `https://blog.localhost:${port}`, dial: null, ca: trusted, fingerprint: leaf.fingerprint, nonce };
        const late = await reachSelf({ ...options, signal: new AbortController().signal, timeoutMs: 30 });
        assert.match(late.ok ? '' : late.why, /in time/);
        const stop = new AbortController();
        const stopped = reachSelf({ ...options, signal: stop.signal });
        stop.abort();
        assert.deepEqual(await stopped, { ok: false, code: 'self-check-failed', why: 'the check was ended' });
      },
    );
    const gone = await reachSelf({
      url: 'https://blog.localhost:1',
      dial: null,
      ca: null,
      fingerprint: null,
      nonce,
      signal: new AbortController().signal,
    });
    assert.match(gone.ok ? '' : gone.why, /nothing listens at/);
  });
});

describe('a service and our own loopback address', () => {
  const source = '127.83.4.5';
  const skip = process.platform === 'linux' ? false : 'not run: no 127.83.x.y without set-up';
  const answering = (answer: (from: string) => string): Server =>
    createPlain((socket) => {
      const text = answer(socket.remoteAddress ?? '');
      if (text === '') socket.destroy();
      else socket.once('data', () => socket.end(text));
    });

  it('get on where both are answered alike', { skip }, async () => {
    await listening(
      answering(() => 'HTTP/1.1 200 OK\r\n\r\n'),
      async (port) => {
        assert.deepEqual(await probeSource({ host: '127.0.0.1', port, source, speaks: 'http' }), { is: 'same' });
      },
    );
    await listening(
      answering((from) => `HTTP/1.1 ${from === source ? 302 : 200} OK\r\n\r\n`),
      async (port) => {
        assert.deepEqual(await probeSource({ host: '127.0.0.1', port, source, speaks: 'http' }), { is: 'same' });
      },
    );
    await listening(
      createPlain(() => {}),
      async (port) => assert.deepEqual(await probeSource({ host: '127.0.0.1', port, source, speaks: 'tcp' }), { is: 'same' }),
    );
  });

  it('do not where 127.0.0.1 alone is let in: the owner reads which line to write', { skip }, async () => {
    await listening(
      answering((from) => `HTTP/1.1 ${from === source ? 403 : 200} X\r\nServer: nginx/1.22.1\r\n\r\n`),
      async (port) => {
        const found = await probeSource({ host: '127.0.0.1', port, source, speaks: 'http' });
        assert.ok(found.is === 'source-refused');
        assert.match(found.why, /answers 127\.83\.4\.5 with 403, and 127\.0\.0\.1 with 200/);
        assert.match(found.lines.join(), /allow 127\.83\.0\.0\/16;/);
      },
    );
    await listening(
      answering((from) => (from === source ? '' : 'HTTP/1.1 200 X\r\n\r\n')),
      async (port) => {
        for (const speaks of ['http', 'tcp'] as const) {
          const found = await probeSource({ host: '127.0.0.1', port, source, speaks });
          assert.ok(found.is === 'source-refused', speaks);
          assert.match(found.lines.join('\n'), /127\.83\.0\.0\/16/);
        }
      },
    );
  });

  it('are not asked where there is no second loopback address, or nothing listens', async () => {
    assert.equal((await probeSource({ host: '::1', port: 1, source, speaks: 'http' })).is, 'not-possible-here');
    assert.equal((await probeSource({ host: '192.0.2.1', port: 1, source, speaks: 'http' })).is, 'not-possible-here');
    assert.equal((await probeSource({ host: '127.0.0.1', port: 1, source, speaks: 'http' })).is, 'service-down');
    await listening(
      answering(() => 'HTTP/1.1 200 OK\r\n\r\n'),
      async (port) => {
        assert.equal((await probeSource({ host: '127.0.0.1', port, source: '192.0.2.99', speaks: 'http' })).is, 'not-possible-here');
      },
    );
  });
});
