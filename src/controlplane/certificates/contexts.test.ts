import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, createServer, type ConnectionOptions } from 'node:tls';
import { openHome } from '../home.ts';
import { createContexts, type Contexts } from './contexts.ts';
import { openLocalCa, type Leaf, type LocalCa } from './local-ca.ts';
import { tlsSettings } from './tls-settings.ts';

describe('certificates by name', () => {
  let place: string;
  let ca: LocalCa;
  let contexts: Contexts;
  let made: string[] = [];
  let clock = Date.now();
  before(async () => {
    place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-contexts-')));
    ca = await openLocalCa(await openHome({ SALLYPORT_HOME: join(place, 'home') }), { names: [], now: () => clock });
    contexts = createContexts({ leafFor: ca.leafFor, now: () => clock, made: (names) => made.push(names.join()) });
    await contexts.serve({ hosts: ['blog.localhost', 'shop.localhost'], addresses: ['127.0.0.1', '::1'] });
  });
  after(async () => {
    await contexts.close();
    await rm(place, { recursive: true });
  });

  /** Shakes hands with a server that answers as the gateway does; what the client saw. */
  const shake = async (options: ConnectionOptions): Promise<Readonly<{ protocol: string | null; names: string }>> => {
    const server = createServer({
      ...tlsSettings,
      SNICallback: (name, done) => {
        const context = contexts.contextFor(name);
        if (context === null) done(new Error('unrecognized name'));
        else done(null, context);
      },
    });
    server.on('secureConnection', (socket) => socket.on('error', () => {}));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    try {
      return await new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
        socket.once('error', reject);
        socket.once('secureConnect', () => {
          resolve({ protocol: socket.getProtocol(), names: new X509Certificate(socket.getPeerCertificate().raw).subjectAltName ?? '' });
          socket.destroy();
        });
      });
    } finally {
      server.close();
    }
  };

  it('show each name its own and no other name', async () => {
    assert.equal((await shake({ servername: 'blog.localhost' })).names, 'DNS:blog.localhost');
    assert.equal((await shake({ servername: 'shop.localhost' })).names, 'DNS:shop.localhost');
    assert.equal(contexts.leafOf(null)?.fingerprint.length, 64);
    assert.notEqual(contexts.leafOf('blog.localhost')?.fingerprint, contexts.leafOf('shop.localhost')?.fingerprint);
  });

  it('show nothing to who asks for another name', async () => {
    assert.equal(contexts.contextFor('other.localhost'), null);
    assert.equal(contexts.contextFor('__proto__'), null);
    await assert.rejects(shake({ servername: 'other.localhost' }));
  });

  it('speak TLS 1.2 and 1.3 only, with sound ciphers and a hybrid key exchange (TLS downgrade)', async () => {
    assert.equal((await shake({ servername: 'blog.localhost' })).protocol, 'TLSv1.3');
    assert.equal((await shake({ servername: 'blog.localhost', maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
    await assert.rejects(
      shake({ servername: 'blog.localhost', minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    );
    for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'AES128-GCM-SHA256'])
      await assert.rejects(shake({ servername: 'blog.localhost', maxVersion: 'TLSv1.2', ciphers }), ciphers);
    await shake({ servername: 'blog.localhost', ecdhCurve: 'X25519MLKEM768' });
  });

  it('stay when the same is served again, and change whole or not at all', async () => {
    const before = contexts.leafOf('blog.localhost');
    made = [];
    await contexts.serve({ hosts: ['blog.localhost', 'new.localhost'], addresses: ['127.0.0.1', '::1'] });
    assert.deepEqual(made, ['new.localhost']);
    assert.equal(contexts.leafOf('blog.localhost'), before);
    assert.equal(contexts.contextFor('shop.localhost'), null);
    await assert.rejects(contexts.serve({ hosts: ['third.localhost', 'no name'], addresses: [] }), { code: 'name-malformed' });
    assert.equal(contexts.contextFor('third.localhost'), null);
    assert.equal(contexts.leafOf('blog.localhost'), before);
  });

  it('are renewed ahead of their end, and go on when that fails', async (test) => {
    test.mock.timers.enable({ apis: ['setInterval'] });
    const leaves: string[] = [];
    let failing = false;
    const failed: string[] = [];
    const leaf = await ca.leafFor(['a.localhost']);
    const renewing = createContexts({
      leafFor: async (names): Promise<Leaf> => {
        if (failing) throw new Error('the disk is full');
        leaves.push(names.join());
        return { ...leaf, notAfter: clock + 7 * 86_400_000 };
      },
      now: () => clock,
      failed: (names) => failed.push(names.join()),
    });
    await renewing.serve({ hosts: ['a.localhost'], addresses: [] });
    const look = async (): Promise<void> => {
      test.mock.timers.tick(3_600_000);
      await new Promise(setImmediate);
    };
    clock += 4 * 86_400_000;
    await look();
    assert.equal(leaves.length, 1);
    clock += 86_400_000;
    failing = true;
    await look();
    assert.deepEqual(failed, ['a.localhost']);
    assert.notEqual(renewing.contextFor('a.localhost'), null);
    failing = false;
    await look();
    assert.equal(leaves.length, 2);
    await renewing.close();
    assert.equal(renewing.contextFor('a.localhost'), null);
  });
});
