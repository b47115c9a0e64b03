/** Which certificate a name gets where there are many, and what all listeners share: settings, and keys of tickets that turn. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { before, test, type TestContext } from 'node:test';
import { connect, TLSSocket, type ConnectionOptions } from 'node:tls';
import type { CertificateSource, Material } from '../../contracts/certificate.ts';
import { certificate, type Asked } from '../../../test/doubles/pki.ts';
import { chosenFor, wildcardOf } from './choice.ts';
import { createContexts, type Contexts, type ContextsOptions } from './contexts.ts';
import type { Leaf } from './local-ca.ts';
import { makeMaterial } from './material.ts';
import { isPublicChain } from './public-roots.ts';
import { ticketKeysMs, tlsSettings } from './tls-settings.ts';
import { X509Certificate } from 'node:crypto';

const dayMs = 86_400_000;
let own: Material;

async function material(names: readonly string[], more: Partial<Asked> = {}): Promise<Material> {
  const made = await certificate({ subject: names[0] ?? '', names, ...more });
  return makeMaterial({ text: made.cert, where: 'a' }, { text: made.key, where: 'a' }, Date.now());
}

class Source implements CertificateSource {
  materials: readonly Material[] = [];
  readonly #changed = new Set<() => void>();
  current(): readonly Material[] {
    return this.materials;
  }
  watch(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => void this.#changed.delete(changed);
  }
  has(...materials: readonly Material[]): void {
    this.materials = materials;
    for (const each of this.#changed) each();
  }
}

before(async () => {
  own = await material(['own.localhost']);
});

function open(context: TestContext, source: Source, more: Partial<ContextsOptions> = {}): Contexts {
  const leaf: Leaf = { ...own, cert: own.chain, issuer: own.chain, notice: null };
  const contexts = createContexts({
    leafFor: async () => ({ ...leaf, notAfter: Date.now() + 7 * dayMs }),
    sources: [source],
    now: Date.now,
    ...more,
  });
  context.after(() => contexts.close());
  return contexts;
}

type Seen = Readonly<{
  names: string;
  cipher: string;
  group: string;
  reused: boolean;
  protocol: string | null;
  session: Buffer | undefined;
}>;

/** What a client of one listener saw; it is greeted as the gateway does. */
async function visit(contexts: Contexts, options: ConnectionOptions): Promise<Seen> {
  const server = createServer((raw) => {
    const secure = new TLSSocket(raw, {
      isServer: true,
      secureContext: contexts.contextFor(null) ?? contexts.base(),
      SNICallback: (name, done) => done(null, contexts.contextFor(name) ?? undefined),
    });
    secure.on('error', () => undefined).end('x');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on('session', (ticket: Buffer) => (session = ticket));
  try {
    await once(socket, 'secureConnect');
    const names = socket.getPeerX509Certificate()?.subjectAltName ?? '';
    const key = socket.getEphemeralKeyInfo();
    const [cipher, group] = [socket.getCipher().name, key !== null && 'name' in key ? (key.name ?? '') : ''];
    const facts = { names, cipher, group, reused: socket.isSessionReused(), protocol: socket.getProtocol() };
    socket.resume();
    await once(socket, 'end');
    return { ...facts, session };
  } finally {
    socket.destroy();
    server.close();
  }
}

test('names of others: an exact name before a wildcard, the one that lasts longer before the older, the local CA for what is left', async (context) => {
  const [exact, wild, renewed] = [
    await material(['blog.example.org']),
    await material(['*.example.org']),
    await material(['blog.example.org'], { toDays: 60 }),
  ];
  const source = new Source();
  source.materials = [wild, exact];
  const contexts = open(context, source);
  await contexts.serve({ hosts: ['blog.example.org', 'shop.example.org', 'a.b.example.org', 'example.org'], addresses: [] });
  const shown = (host: string) => contexts.leafOf(host)?.fingerprint;
  assert.equal(shown('blog.example.org'), exact.fingerprint);
  assert.equal(shown('shop.example.org'), wild.fingerprint);
  // One label, and not none (RFC 9525, 6.3).
  assert.equal(contexts.leafOf('a.b.example.org')?.isLocal, true);
  assert.equal(contexts.leafOf('example.org')?.isLocal, true);
  // What no service answers to is not shown, although there is a certificate for it.
  assert.equal(contexts.contextFor('other.example.org'), null);
  assert.equal(contexts.contextFor(null), null);
  source.has(wild, exact, renewed);
  await contexts.serve({ hosts: ['blog.example.org'], addresses: [] });
  assert.equal(shown('blog.example.org'), renewed.fingerprint);
});

test('a source that has something new is asked at once; with nothing left the local CA goes on', async (context) => {
  const source = new Source();
  const contexts = open(context, source);
  await contexts.serve({ hosts: ['blog.example.org'], addresses: [] });
  assert.equal(contexts.leafOf('blog.example.org')?.isLocal, true);
  source.has(await material(['blog.example.org']));
  await new Promise(setImmediate);
  assert.equal(contexts.leafOf('blog.example.org')?.isLocal, false);
  assert.equal((await visit(contexts, { servername: 'blog.example.org' })).names, 'DNS:blog.example.org');
  source.has();
  await new Promise(setImmediate);
  assert.equal(contexts.leafOf('blog.example.org')?.isLocal, true);
});

test('the first source goes before the second, however long the other lasts, unless its certificate has ended', async (context) => {
  const [files, account] = [new Source(), new Source()];
  const [mine, ordered] = [await material(['blog.example.org']), await material(['blog.example.org'], { toDays: 60 })];
  files.materials = [mine];
  account.materials = [ordered];
  let now = Date.now();
  const contexts = open(context, files, { sources: [files, account], now: () => now });
  const wanted = { hosts: ['blog.example.org'], addresses: [] };
  await contexts.serve(wanted);
  assert.equal(contexts.leafOf('blog.example.org')?.fingerprint, mine.fingerprint);
  now += 31 * dayMs;
  await contexts.serve(wanted);
  assert.equal(contexts.leafOf('blog.example.org')?.fingerprint, ordered.fingerprint);
  account.has();
  await contexts.serve(wanted);
  assert.equal(contexts.leafOf('blog.example.org')?.fingerprint, mine.fingerprint);
});

test('who sends no name gets the certificate of the address; a service of every name, those of all certificates; a wildcard, all below it', async (context) => {
  const [address, blog, wild] = [
    await material(['192.0.2.7', 'box.example.org']),
    await material(['blog.example.org']),
    await material(['*.wild.test']),
  ];
  const source = new Source();
  source.materials = [blog, address, wild];
  const contexts = open(context, source);
  await contexts.serve({ hosts: ['*.wild.test'], addresses: ['127.0.0.1', '192.0.2.7'], any: true });
  assert.equal(contexts.leafOf(null)?.fingerprint, address.fingerprint);
  assert.equal(contexts.leafOf('blog.example.org')?.fingerprint, blog.fingerprint);
  assert.equal(contexts.leafOf('a.wild.test')?.fingerprint, wild.fingerprint);
  assert.equal(contexts.contextFor('a.b.wild.test'), null);
  await contexts.serve({ hosts: [], addresses: ['127.0.0.1'] });
  assert.equal(contexts.leafOf(null)?.isLocal, true);
  // The operator's word goes before both, where no address has a certificate as well.
  source.has(wild, address, { ...blog, isDefault: true });
  for (const addresses of [['192.0.2.7'], []]) {
    await contexts.serve({ hosts: [], addresses });
    assert.equal(contexts.leafOf(null)?.fingerprint, blog.fingerprint);
  }
});

test('recorded sessions: tickets are good at every listener, only for their own name, until the keys turn', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const source = new Source();
  source.materials = [await material(['blog.example.org']), await material(['shop.example.org'])];
  const contexts = open(context, source);
  await contexts.serve({ hosts: ['blog.example.org', 'shop.example.org'], addresses: [] });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await visit(contexts, { servername: 'blog.example.org', maxVersion });
    assert.ok(first.session !== undefined, maxVersion);
    const { session } = first;
    assert.equal((await visit(contexts, { servername: 'blog.example.org', maxVersion, session })).reused, true, maxVersion);
    assert.equal((await visit(contexts, { servername: 'shop.example.org', maxVersion, session })).reused, false, maxVersion);
    context.mock.timers.tick(ticketKeysMs);
    assert.equal((await visit(contexts, { servername: 'blog.example.org', maxVersion, session })).reused, false, maxVersion);
  }
});

test('TLS downgrade: modern speaks TLS 1.3 alone, and intermediate again when it is taken back', async (context) => {
  const contexts = open(context, new Source());
  const wanted = { hosts: ['own.localhost'], addresses: [] };
  await contexts.serve({ ...wanted, policy: 'modern' });
  const old = { servername: 'own.localhost', maxVersion: 'TLSv1.2' } as const;
  await assert.rejects(visit(contexts, old));
  assert.equal((await visit(contexts, { servername: 'own.localhost' })).protocol, 'TLSv1.3');
  await contexts.serve({ ...wanted, policy: 'intermediate' });
  assert.equal((await visit(contexts, old)).protocol, 'TLSv1.2');
});

test('one that others must renew is said to end in time: once a look, and not the local CA’s', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const source = new Source();
  source.materials = [
    await material(['blog.example.org', 'www.example.org'], { fromDays: -80, toDays: 10 }),
    await material(['shop.example.org'], { fromDays: -60, toDays: 30 }),
  ];
  const said: string[] = [];
  const contexts = open(context, source, { ending: ({ names }) => void said.push(names.join()) });
  await contexts.serve({ hosts: ['blog.example.org', 'www.example.org', 'shop.example.org', 'local.test'], addresses: [] });
  context.mock.timers.tick(3_600_000);
  await new Promise(setImmediate);
  assert.deepEqual(said, ['blog.example.org,www.example.org']);
});

test('public is what a root of every browser has signed, and nothing that this machine made', async () => {
  const root = await certificate({ subject: 'root', isCa: true });
  const between = await certificate({ subject: 'between', isCa: true, issuer: root });
  const leaf = await certificate({ subject: 'leaf', names: ['a.test'], issuer: between });
  const forged = await certificate({ subject: 'root', isCa: true });
  const roots = [new X509Certificate(root.cert)];
  assert.equal(isPublicChain(leaf.cert + between.cert, roots), true);
  assert.equal(isPublicChain(leaf.cert, roots), false);
  assert.equal(isPublicChain((await certificate({ subject: 'x', names: ['a.test'], issuer: forged })).cert, roots), false);
  assert.equal(isPublicChain(own.chain), false);
});

test('names: a wildcard stands for one label, and never for an address', () => {
  assert.deepEqual(['a.b.c', 'b', '*.b.c', '192.0.2.7', '.b'].map(wildcardOf), ['*.b.c', null, null, null, null]);
  assert.equal(chosenFor([{ ...own, names: ['*.0.2.7'] }], '192.0.2.7', ['192.0.2.7'], 0), null);
});

test('ciphers in our order, but ChaCha20 for who has no AES in hardware; the hybrid group first', async (context) => {
  const contexts = open(context, new Source());
  await contexts.serve({ hosts: ['own.localhost'], addresses: [] });
  const cipher = async (...ciphers: string[]) =>
    (await visit(contexts, { servername: 'own.localhost', ciphers: ciphers.join(':') })).cipher;
  const [aes128, aes256, chacha] = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
  assert.equal(await cipher(aes256, aes128, chacha), aes128);
  assert.equal(await cipher(chacha, aes256, aes128), chacha);
  const groups = tlsSettings.ecdhCurve.split(':');
  assert.equal((await visit(contexts, { servername: 'own.localhost', ecdhCurve: 'X25519:P-256' })).protocol, 'TLSv1.3');
  if (groups[0] !== 'X25519MLKEM768') return context.diagnostic('not run: no ML-KEM in this runtime');
  assert.equal((await visit(contexts, { servername: 'own.localhost' })).group, 'X25519MLKEM768');
});
