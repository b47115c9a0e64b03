/** Certificates of our own, as others read them: the whole of the library, Node, and OpenSSL in its strict mode. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { certificateName } from './permitted-names.ts';
import { makeAuthority, makeLeaf, selfNamed, selfSigned, signed } from './signing.ts';
import { loadX509 } from './x509.ts';

const now = Date.parse('2026-11-22T10:00:00.500Z');
const day = 86_400_000;
const names = ['blog.localhost', '*.a.local', '127.0.0.1', '::1'].map(certificateName);
const authority = await makeAuthority({ title: 'Höst 1', domains: ['localhost', 'local'], addresses: [], now, lifeMs: 730 * day });
const leaf = await makeLeaf(authority, { names, now, lifeMs: 7 * day });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('a certificate of our own', () => {
  it('says to another reader what was meant: names, uses, lives, and whose it is', async () => {
    const x509 = await loadX509();
    const [ca, own] = [new x509.X509Certificate(authority.cert), new x509.X509Certificate(leaf.cert)];
    assert.equal(ca.subject, 'CN=Höst 1, O=Sallyport');
    assert.equal(own.issuer, ca.subject);
    assert.equal(own.subject, '');
    assert.equal(ca.notBefore.toISOString(), '2026-11-21T10:00:00.000Z');
    assert.equal(own.notAfter.toISOString(), '2026-11-29T10:00:00.000Z');
    const constraints = ca.getExtension(x509.BasicConstraintsExtension);
    assert.deepEqual([constraints?.ca, constraints?.pathLength, constraints?.critical], [true, 0, true]);
    assert.equal(own.getExtension(x509.BasicConstraintsExtension)?.ca, false);
    const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
    assert.equal(ca.getExtension(x509.KeyUsagesExtension)?.usages, keyCertSign | cRLSign);
    assert.equal(own.getExtension(x509.KeyUsagesExtension)?.usages, digitalSignature);
    assert.deepEqual(Array.from(own.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? []), [x509.ExtendedKeyUsage.serverAuth]);
    assert.deepEqual(
      Array.from(own.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [], ({ type, value }) => `${type}:${value}`),
      ['dns:blog.localhost', 'dns:*.a.local', 'ip:127.0.0.1', 'ip:::1'],
    );
    const keyId = ca.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
    assert.equal(own.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId, keyId);
    assert.equal(keyId, hex(new Uint8Array(await ca.publicKey.getKeyIdentifier())));
    assert.ok(await own.verify({ publicKey: ca.publicKey, date: new Date(now) }));
    assert.ok(await ca.verify({ publicKey: ca.publicKey, date: new Date(now) }));
  });

  it('is of a key and a number of its own each time', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => makeLeaf(authority, { names, now, lifeMs: day })));
    const read = all.map(({ cert }) => new X509Certificate(cert));
    assert.equal(new Set(read.map(({ serialNumber }) => serialNumber)).size, 50);
    assert.equal(new Set(read.map(({ publicKey }) => hex(publicKey.export({ type: 'spki', format: 'der' })))).size, 50);
    for (const [at, { serialNumber }] of read.entries()) {
      // Positive, and of sixteen bytes: what begins with 8 or more would be read as below zero.
      assert.match(serialNumber, /^[4-7][0-9A-F]{31}$/);
      assert.ok(read[at]?.checkPrivateKey(createPrivateKey(all[at]?.key ?? '')));
    }
  });

  it('that stands for a key alone has no end (RFC 5280, 4.1.2.5)', async () => {
    const made = await selfNamed({ commonName: 'Sallyport carrier', notBefore: 0, notAfter: Date.parse('9999-12-31T23:59:59Z') });
    const cert = new X509Certificate(made.cert);
    assert.deepEqual([cert.subject, cert.ca, cert.validTo], ['CN=Sallyport carrier', false, 'Dec 31 23:59:59 9999 GMT']);
    assert.ok(cert.checkPrivateKey(createPrivateKey(made.key)) && cert.verify(cert.publicKey));
  });

  it(
    'is in order for OpenSSL in its strict mode, for servers and for clients',
    { skip: spawnSync('openssl', ['version']).error === undefined ? false : 'not run: no openssl' },
    async (context) => {
      const folder = mkdtempSync(join(tmpdir(), 'sallyport-signing-'));
      context.after(() => rmSync(folder, { recursive: true }));
      const clients = await selfSigned({ title: 'Sallyport clients', use: 'clientAuth', notBefore: now, notAfter: now + day });
      const client = await signed(clients, { commonName: 'ana', use: 'clientAuth', notBefore: now, notAfter: now + day });
      for (const [purpose, above, below] of [
        ['sslserver', authority, leaf],
        ['sslclient', clients, client],
      ] as const) {
        const [ca, own] = [join(folder, `${purpose}-ca.pem`), join(folder, `${purpose}.pem`)];
        writeFileSync(ca, `${above.cert}\n`);
        writeFileSync(own, `${below.cert}\n`);
        const at = String(Math.ceil(now / 1_000) + 60);
        const { stdout, stderr } = spawnSync('openssl', ['verify', '-x509_strict', '-attime', at, '-purpose', purpose, '-CAfile', ca, own]);
        assert.match(String(stdout), /: OK\n$/, String(stderr));
      }
    },
  );
});
