import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Authority, CertificateFound, ClientCertificates, OwnCertificate } from '../../contracts/client-certificates.ts';
import type { Tools } from '../../contracts/tools.ts';
import type { ClientCertificate, Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { exchangeOf, noBody, rawExchange } from '../../../test/doubles/exchange.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { mtls } from './mtls.ts';
import { readName } from './mtls/names.ts';

const service = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const client: ClientCertificate = { chain: [], fault: null };
const fingerprint = 'ab'.repeat(32);

function shown(asked: Partial<Exchange['listener']> = {}): Exchange {
  const exchange = exchangeOf();
  return { ...exchange, listener: { ...exchange.listener, client, ...asked } };
}

/** Finds what it is told to, and has made what it is told to have made. */
async function standIn(found: CertificateFound, made: readonly OwnCertificate[] = []): Promise<Tools> {
  const authority: Authority = { roots: () => ['PEM'], judge: () => found };
  const certificates: ClientCertificates = {
    own: { ...authority, find: (each) => made.find((own) => own.fingerprint === each) ?? null, list: () => made },
    authority: () => authority,
    letIn: () => undefined,
  };
  return { ...(await testTools()), certificates };
}

const good = (names: Partial<Extract<CertificateFound, { is: 'good' }>['holder']['names']>): CertificateFound => ({
  is: 'good',
  holder: { fingerprint, names: { cn: [], email: [], dns: [], uri: [], ...names } },
});
const own: OwnCertificate = { fingerprint, name: 'ana', roles: ['editor'], createdAt: 0, expires: 9e15, revokedAt: null };

async function judged(options: unknown, tools: Tools, exchange = shown()): Promise<Verdict> {
  return mtls.build(mtls.options.parse(options), tools, service).check(exchange, noBody);
}

const codeOf = (verdict: Verdict): string => (verdict.is === 'challenge' || verdict.is === 'deny' ? verdict.code : verdict.is);
const nameOf = (verdict: Verdict): string | undefined => (verdict.is === 'pass' ? verdict.identity?.name : undefined);

test('a certificate of our own has the name and the roles that it was made with, whatever it says itself', async () => {
  const verdict = await judged({}, await standIn(good({ cn: ['root'] }), [own]));
  assert.ok(verdict.is === 'pass');
  assert.deepEqual(verdict.identity, {
    guard: 'mtls',
    subject: 'certificate:ana',
    name: 'ana',
    by: 'certificate',
    roles: ['editor'],
    certificate: fingerprint,
  });
  assert.equal(
    codeOf(await judged({ names: ['ana'] }, await standIn(good({}), [{ ...own, fingerprint: 'cd'.repeat(32) }]))),
    'credentials-wrong',
  );
});

test('without a certificate, over plain TCP, and on a connection of a balancer nobody is known', async () => {
  const tools = await standIn(good({ cn: ['ana'] }), [own]);
  assert.equal(codeOf(await judged({}, tools, exchangeOf())), 'credentials-missing');
  assert.equal(codeOf(await judged({}, tools, rawExchange())), 'skip');
  const balanced = { field: 'x-forwarded-for', trust: [] } as const;
  assert.equal(codeOf(await judged({}, tools, shown({ balanced }))), 'credentials-missing');
});

test('what the authority says is what the guard says', async () => {
  for (const [is, code] of [
    ['wrong', 'credentials-wrong'],
    ['expired', 'credentials-expired'],
    ['away', 'revocation-unknown'],
  ] as const) {
    const verdict = await judged({}, await standIn({ is, why: 'so it is' }, [own]));
    assert.deepEqual([codeOf(verdict), verdict.is === 'challenge' && verdict.answer], [code, null]);
  }
});

test('names: one, of the kind that was asked for, in one spelling', async () => {
  const ca = '/etc/clients.pem';
  const holder = good({ cn: ['Ana'], email: ['Ana@Example.org'], dns: ['a.example', 'b.example'], uri: ['spiffe://example/Ana'] });
  const tools = await standIn(holder);
  assert.equal(nameOf(await judged({ ca }, tools)), 'ana');
  assert.equal(nameOf(await judged({ ca, name: 'email' }, tools)), 'ana@example.org');
  assert.equal(nameOf(await judged({ ca, name: 'uri' }, tools)), 'spiffe://example/Ana');
  assert.equal(codeOf(await judged({ ca, name: 'dns' }, tools)), 'credentials-wrong');
  assert.equal(nameOf(await judged({ ca, names: ['ANA'] }, tools)), 'ana');
  assert.equal(codeOf(await judged({ ca, names: ['ben'] }, tools)), 'credentials-wrong');
  const verdict = await judged({ ca, name: 'email', roles: { 'ANA@example.org': ['admin'] } }, tools);
  assert.deepEqual(verdict.is === 'pass' && verdict.identity?.roles, ['admin']);
});

test('names of our own certificates are names here, too', () => {
  for (const name of ['a', '_', 'a_', 'ci-deploy.2', 'x'.repeat(64)]) assert.equal(readName('cn', name), name);
});

test('san confusion: nothing that could be read twice is a name', () => {
  for (const bad of [
    '',
    ' ana',
    'ana ',
    'ana\0',
    'ana\n',
    'ana\r\nX: y',
    'än',
    '\u0430na',
    'a'.repeat(65),
    'ana,CN=root',
    'ana"',
    '*',
    'a/b',
  ]) {
    assert.equal(readName('cn', bad), null, JSON.stringify(bad));
  }
  for (const bad of [
    'ana',
    'ana@',
    '@example.org',
    'a@b@c',
    'ana@example.org\0.evil.example',
    'ana@exam ple.org',
    '"a@b"@example.org',
    'ana@.org',
  ]) {
    assert.equal(readName('email', bad), null, JSON.stringify(bad));
  }
  for (const bad of ['*.example.org', 'a b', 'a.example.org.', '-a', 'a\0.example.org']) assert.equal(readName('dns', bad), null, bad);
  for (const bad of ['ana', 'spiffe:', 'spiffe://a b', 'spiffe://a\0b']) assert.equal(readName('uri', bad), null, bad);
});

test('pins: only those, with or without colons', async () => {
  const tools = await standIn(good({}), [own]);
  const colons = (fingerprint.match(/../g) ?? []).join(':').toUpperCase();
  assert.equal(nameOf(await judged({ pins: [colons] }, tools)), 'ana');
  assert.equal(codeOf(await judged({ pins: ['cd'.repeat(32)] }, tools)), 'credentials-wrong');
});

test('a configuration that lets nobody in, or means something else, is refused', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'mtls-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const tools = await testTools();
  const build = (options: unknown) => mtls.build(mtls.options.parse(options), tools, service);
  assert.throws(() => build({}), { code: 'certificate-missing' });
  assert.throws(() => build({ names: ['ana'] }), { code: 'certificate-missing' });
  assert.throws(() => build({ ca: join(folder, 'absent.pem') }), { code: 'file-missing' });
  await writeFile(join(folder, 'none.pem'), 'nothing');
  assert.throws(() => build({ ca: join(folder, 'none.pem') }), { code: 'certificate-unusable' });
  for (const bad of [
    { ca: 'relative.pem' },
    { ca: [] },
    { crl: '/a.crl' },
    { name: 'email' },
    { name: 'ip', ca: '/a.pem' },
    { roles: { ana: ['x'] } },
    { ca: '/a.pem', roles: { ä: ['x'] } },
    { ca: '/a.pem', roles: { ana: ['A B'] } },
    { names: [] },
    { names: ['a\nb'] },
    { pins: ['ab'] },
    { pins: [] },
    null,
    'all',
  ])
    assert.ok(!mtls.options.safeParse(bad).success, JSON.stringify(bad));
});

test('in words, and for explain', async () => {
  const tools = await standIn(good({}), [own]);
  const built = (options: unknown) => mtls.build(mtls.options.parse(options), tools, service);
  assert.equal(built({}).words, 'a client certificate');
  assert.equal(built({ names: ['ana'] }).words, 'a client certificate for ana');
  assert.equal(
    built({ ca: '/a.pem', names: ['a', 'b', 'c', 'd', 'e'] }).words,
    'a client certificate of an authority in files for a or b or c or 2 more',
  );
  assert.deepEqual(built({}).asks?.(), ['PEM']);
  assert.equal(built({}).knows?.('certificate:ana'), true);
  assert.equal(built({}).knows?.('certificate:ben'), false);
  assert.equal(built({}).knows?.('user:ana'), false);
  assert.equal(built({ ca: '/a.pem' }).knows?.('certificate:anybody'), true);
  assert.equal(built({ ca: '/a.pem', names: ['ana'] }).knows?.('certificate:ben'), false);
});
