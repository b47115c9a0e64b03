/** What is wrong with a certificate is found before a visitor comes, and said with its file and line. */

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, test } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import { certificate, type Made } from '../../../test/doubles/pki.ts';
import { makeMaterial } from './material.ts';
import { readPem } from './pem.ts';

let root: Made;
let between: Made;
let leaf: Made;
before(async () => {
  root = await certificate({ subject: 'root', isCa: true });
  between = await certificate({ subject: 'between', isCa: true, issuer: root });
  leaf = await certificate({
    subject: 'leaf',
    names: ['Blog.Example.org', '*.example.org', '2001:DB8:0::1', '192.0.2.7'],
    issuer: between,
  });
});

const make = (chain: string, key: string) => makeMaterial({ text: chain, where: 'blog.pem' }, { text: key, where: 'blog.key' }, Date.now());

function refused(chain: string, key: string, message: RegExp, hint: RegExp): void {
  assert.throws(
    () => make(chain, key),
    (error) => {
      assert.ok(error instanceof SallyportError);
      assert.equal(error.code, 'certificate-unusable');
      assert.match(error.message, message);
      assert.match(error.hint ?? '', hint);
      assert.equal(error.message.includes('PRIVATE KEY-----\n'), false, 'no key in words');
      return true;
    },
  );
}

test('a chain in order, its names in their one spelling, the root left out', () => {
  const made = make(`${leaf.cert}${between.cert}${root.cert}`, leaf.key);
  assert.deepEqual(made.names, ['blog.example.org', '*.example.org', '2001:db8::1', '192.0.2.7']);
  assert.equal(made.chain.match(/BEGIN/g)?.length, 2);
  assert.match(made.fingerprint, /^[0-9a-f]{64}$/);
});

test('one that signed itself is sent as it is, and both may stand in one file, with words between', async () => {
  const own = await certificate({ subject: 'blog.example.org', isCa: true });
  const text = `Bag Attributes\r\n${own.key}subject=blog\n${own.cert.replaceAll('\n', '\r\n')}`;
  const made = makeMaterial({ text, where: 'a' }, { text, where: 'a' }, Date.now());
  assert.deepEqual([made.names, made.chain.match(/BEGIN/g)?.length], [['blog.example.org'], 1]);
});

test('a key of another certificate', () => {
  refused(leaf.cert, root.key, /^blog\.pem, line 1: it is not the certificate of the key in blog\.key\.$/, /Compare: openssl/);
});

test('a chain out of order names the line that is wrong, and the one that is right', () => {
  const lines = leaf.cert.trim().split('\n').length;
  refused(
    `${between.cert}${leaf.cert}`,
    leaf.key,
    new RegExp(`line 1: the certificate of the key stands at line \\d+, and not first`),
    /own certificate comes first/,
  );
  refused(
    `${leaf.cert}${root.cert}${between.cert}`,
    leaf.key,
    new RegExp(`^blog\\.pem, line ${lines + 1}: this one has not signed the certificate of line 1: the one of line \\d+ has`),
    /own certificate/,
  );
  refused(`${leaf.cert}${root.cert}`, leaf.key, /has not signed the certificate of line 1\.$/, /own certificate/);
});

test('an expired one, and one whose time has not come', async () => {
  const old = await certificate({ subject: 'old', names: ['a.test'], fromDays: -30, toDays: -1 });
  refused(old.cert, old.key, /^blog\.pem, line 1: it ended on \d{4}-\d\d-\d\d\.$/, /renewed/);
  const early = await certificate({ subject: 'early', names: ['a.test'], fromDays: 2, toDays: 30 });
  refused(early.cert, early.key, /it begins on/, /clock/);
});

test('what cannot be read: no PEM, half a block, damaged bytes, no key, an encrypted key, no names, must-staple, a short key', async () => {
  refused('0\x82\x03', leaf.key, /^blog\.pem: it is no PEM\.$/, /inform der/);
  refused(leaf.cert.slice(0, 200), leaf.key, /^blog\.pem, line 1: the CERTIFICATE that begins here does not end/, /Copy it again/);
  refused(`# one\n${leaf.cert.replace(/^MI/m, 'AA')}`, leaf.key, /^blog\.pem, line 2: this certificate cannot be read/, /Copy it again/);
  refused(leaf.cert, leaf.cert, /^blog\.key: it holds no private key/, /BEGIN PRIVATE KEY/);
  refused(leaf.key, leaf.key, /^blog\.pem: it holds no certificate/, /BEGIN CERTIFICATE/);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  refused(leaf.cert, locked, /^blog\.key, line 1: the private key is encrypted/, /openssl pkey/);
  const nameless = await certificate({ subject: 'Some Company' });
  refused(nameless.cert, nameless.key, /names no host/, /subjectAltName/);
  const stapled = await certificate({ subject: 'x', names: ['a.test'], mustStaple: true });
  refused(stapled.cert, stapled.key, /must-staple/, /without must-staple/);
});

test('names of others: what only looks like a name is none', async () => {
  const odd = await certificate({ subject: 'x', names: ['a.test', '*', '*.*.test', 'b_c.test', 'x, DNS:evil.test, DNS:y'] });
  assert.deepEqual(make(odd.cert, odd.key).names, ['a.test', 'b_c.test']);
});

test('PEM: an END of another block, and an END alone', () => {
  assert.deepEqual(readPem('-----BEGIN A-----\nxx\n-----END B-----\n'), { ok: false, line: 3, why: 'the A of line 1 ends as B' });
  assert.deepEqual(readPem('-----END A-----\n'), { ok: true, blocks: [] });
  assert.equal(readPem('-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----').ok, false);
});
