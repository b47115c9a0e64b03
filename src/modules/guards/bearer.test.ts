/** Access tokens: what is good, and every way in which one is made up. */

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { exportJWK, exportSPKI, type JWTPayload } from 'jose';
import type { Verdict } from '../../core/policy/verdict.ts';
import { exchangeOf, navigation, noBody, type Asked } from '../../../test/doubles/exchange.ts';
import { audience, forged, issuerUrl, pairOf, testIssuer } from '../../../test/doubles/issuer.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { bearer } from './bearer.ts';

const service = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const plain = { issuer: issuerUrl, audience };
const asking = { ...plain, introspect: { client: 'gateway', secret: 'login' } };

async function scene(options: Readonly<Record<string, unknown>> = plain, limits: Partial<Limits> = {}) {
  const tools = await testTools([], limits);
  tools.secrets.set('login', new TextEncoder().encode('a:secret with blanks'));
  const issuer = testIssuer(tools);
  const built = bearer.build(bearer.options.parse(options), tools, service);
  const shown = (token: string, more: Asked = {}) =>
    built.check(exchangeOf({ fields: [['Authorization', `Bearer ${token}`]], ...more }), noBody);
  return { tools, issuer, built, shown };
}

type Scene = Awaited<ReturnType<typeof scene>>;

const claimsOf = ({ tools }: Scene) => ({ iss: issuerUrl, aud: audience, sub: 'ana', exp: Math.floor(tools.clock.now / 1000) + 300 });

function codeOf(verdict: Verdict): string {
  return verdict.is === 'challenge' || verdict.is === 'deny' ? verdict.code : verdict.is;
}

async function refuses(all: Scene, token: string, why?: RegExp): Promise<void> {
  const verdict = await all.shown(token);
  assert.equal(codeOf(verdict), 'credentials-wrong', token);
  if (why !== undefined && verdict.is === 'challenge') assert.match(verdict.why, why);
}

describe('a signed token', () => {
  test('lets in, is used up here, and says who it is', async () => {
    const { issuer, shown, tools } = await scene({ ...plain, roles: 'realm_access.roles' });
    const verdict = await shown(await issuer.token({ realm_access: { roles: ['editor', 'bad role', 7, 'editor'] } }));
    assert.ok(verdict.is === 'pass');
    assert.deepEqual(verdict.spent, ['authorization']);
    assert.match(verdict.identity?.subject ?? '', /^bearer:[0-9a-f]{8}:ana$/);
    assert.deepEqual([verdict.identity?.name, verdict.identity?.by, verdict.identity?.roles], ['ana', 'header', ['editor']]);
    assert.equal(tools.hashes.count, 0);
  });

  test('a second time is answered at once, until it expires', async () => {
    const { issuer, shown, tools } = await scene();
    const token = await issuer.token({ exp: Math.floor(tools.clock.now / 1000) - 30 });
    assert.equal((await shown(token)).is, 'pass');
    const again = shown(token);
    assert.ok(!(again instanceof Promise) && again.is === 'pass');
    tools.clock.now += 31_000;
    assert.equal(codeOf(await shown(token)), 'credentials-expired');
    assert.equal(issuer.requests.length, 2, 'metadata and keys, once');
  });

  test('every asymmetric algorithm of the issuer is taken', async () => {
    const all = await scene();
    for (const alg of ['RS256', 'PS256', 'ES384', 'EdDSA']) all.issuer.keys.set(alg, alg);
    for (const alg of ['RS256', 'PS256', 'ES384', 'EdDSA'])
      assert.equal((await all.shown(await all.issuer.token({}, { by: alg }))).is, 'pass', alg);
  });

  test('Sallyport-Authorization leaves Authorization to the service; a key of ours is none of it', async () => {
    const { issuer, built } = await scene();
    const token = await issuer.token();
    const fields = [
      ['Sallyport-Authorization', `Bearer ${token}`],
      ['Authorization', 'Bearer of-the-service'],
    ] as const;
    const verdict = await built.check(exchangeOf({ fields }), noBody);
    assert.ok(verdict.is === 'pass');
    assert.deepEqual(verdict.spent, ['sallyport-authorization']);
    const key = await built.check(exchangeOf({ fields: [['Authorization', 'Bearer sallyport_abc']] }), noBody);
    assert.equal(codeOf(key), 'credentials-missing');
  });

  test('a scope that is missing', async () => {
    const all = await scene({ ...plain, scopes: ['read', 'write'] });
    assert.equal((await all.shown(await all.issuer.token({ scope: 'write other read' }))).is, 'pass');
    await refuses(all, await all.issuer.token({ scope: 'readwrite read' }), /scope/);
  });
});

describe('a forged token', () => {
  test('alg none: no signature is no signature, in any spelling', async () => {
    const all = await scene();
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, 1, ['ES256'], undefined])
      for (const signature of ['', 'AA', 'x'.repeat(86)])
        await refuses(all, forged({ alg, kid: 'one', typ: 'at+jwt' }, claimsOf(all), signature));
    assert.equal(all.issuer.requests.length, 0, 'nothing is asked because of it');
  });

  test('algorithm confusion: no HMAC with a public key, whatever form the key has', async () => {
    const all = await scene();
    all.issuer.keys.set('rsa', 'RS256');
    const { publicKey } = await pairOf('rsa', 'RS256');
    const jwk = await exportJWK(publicKey);
    const spki = await exportSPKI(publicKey);
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      for (const secret of [spki, spki.trimEnd(), JSON.stringify(jwk), jwk.n ?? '', '']) {
        const unsigned = forged({ alg, kid: 'rsa', typ: 'at+jwt' }, claimsOf(all), '').slice(0, -1);
        const signature = createHmac(alg.replace('HS', 'sha'), secret).update(unsigned).digest('base64url');
        await refuses(all, `${unsigned}.${signature}`, /algorithm/);
      }
    }
  });

  test("algorithm confusion: a shared key in the issuer's list is no key", async () => {
    const { tools, built } = await scene();
    const secret = randomBytes(32);
    tools.outside.ask = async ({ url }) => ({
      status: 200,
      fields: {},
      body: JSON.stringify(
        url.endsWith('/keys')
          ? { keys: [{ kty: 'oct', kid: 'one', k: secret.toString('base64url') }] }
          : { issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` },
      ),
    });
    const unsigned = forged({ alg: 'HS256', kid: 'one' }, { iss: issuerUrl, aud: audience, sub: 'ana', exp: 9e9 }, '').slice(0, -1);
    const token = `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
    const verdict = await built.check(exchangeOf({ fields: [['Authorization', `Bearer ${token}`]] }), noBody);
    assert.equal(verdict.is, 'challenge');
  });

  test('kid injection: it is compared and nothing else', async () => {
    const all = await scene();
    for (const kid of [
      '../../../../dev/null',
      '/etc/passwd',
      "' UNION SELECT 'x",
      '| id',
      '__proto__',
      'constructor',
      'https://evil.example.test/keys',
      '',
      'x'.repeat(5_000),
      7,
      null,
      ['one'],
      { kid: 'one' },
    ])
      await refuses(all, forged({ alg: 'ES256', kid, typ: 'at+jwt' }, claimsOf(all), 'x'.repeat(86)));
    assert.deepEqual([...new Set(all.issuer.requests.map(({ url }) => new URL(url).host))], ['login.example.test']);
    assert.ok(all.issuer.requests.length <= 2, 'unknown names are no reason to ask again and again');
  });

  test('JWKS by URL: what a token says of its own key is never read', async () => {
    const all = await scene();
    const evil = await pairOf('evil');
    all.issuer.keys.set('evil', 'ES256');
    const token = (header: object) => all.issuer.token({}, { by: 'evil', ...header });
    const jwk = await exportJWK(evil.publicKey);
    for (const header of [
      { jku: 'https://evil.example.test/keys' },
      { jku: `${issuerUrl}/keys` },
      { x5u: 'https://evil.example.test/c' },
      { jwk },
      { x5c: ['MIIB'] },
    ])
      await refuses(all, await token(header), /header has/);
    assert.equal(all.issuer.requests.length, 0);
  });

  test('a signature of another, none, a zero one (psychic signature), and claims that were changed', async () => {
    const all = await scene();
    const good = await all.issuer.token();
    const [header = '', claims = '', signature = ''] = good.split('.');
    const other = forged({ alg: 'ES256', kid: 'one', typ: 'at+jwt' }, { ...claimsOf(all), sub: 'root' }, signature);
    const zero = Buffer.alloc(64).toString('base64url');
    await all.shown(good);
    for (const token of [
      other,
      `${header}.${claims}.${zero}`,
      `${header}.${claims}.`,
      `${header}.${claims}`,
      `${good}.x`,
      `${good}=`,
      ` ${good} x`,
      `${header}.${claims}.${signature.slice(0, -4)}`,
    ])
      await refuses(all, token);
    all.issuer.keys.set('two', 'ES256');
    await refuses(all, await all.issuer.token({}, { by: 'two', kid: 'one' }), /signature/);
  });

  test('token of another audience, of another issuer, of another type, too early, without an end', async () => {
    const all = await scene();
    const now = Math.floor(all.tools.clock.now / 1000);
    for (const claims of [
      { aud: 'other' },
      { aud: ['other', 'proxy2'] },
      { aud: 'PROXY' },
      { aud: undefined },
      { iss: `${issuerUrl}/` },
      { iss: 'https://evil.example.test' },
      { iss: undefined },
      { nbf: now + 120 },
      { nbf: 'soon' },
      { exp: undefined },
      { exp: 'never' },
    ])
      await refuses(all, await all.issuer.token(claims as JWTPayload), /claim|signature/);
    for (const typ of ['logout+jwt', 'client-authentication+jwt', 'dpop+jwt', 'secevent+jwt'])
      await refuses(all, await all.issuer.token({}, { typ }), /type/);
    for (const claims of [{ aud: ['other', audience] }, { nbf: now + 30 }])
      assert.equal((await all.shown(await all.issuer.token(claims))).is, 'pass');
    await refuses(all, await all.issuer.token({ sub: '' }), /nobody/);
    await refuses(all, await all.issuer.token({ sub: 'a\nb' }), /nobody/);
  });

  test('header duplicates, token in the query, an oversized token, one that is encrypted', async () => {
    const all = await scene();
    const token = await all.issuer.token();
    const twice = [
      ['Authorization', `Bearer ${token}`],
      ['Authorization', `Bearer ${token}`],
    ] as const;
    assert.equal(codeOf(await all.shown('', { fields: twice })), 'credentials-wrong');
    const both = [
      ['Sallyport-Authorization', 'Bearer nonsense'],
      ['Authorization', `Bearer ${token}`],
    ] as const;
    assert.equal(codeOf(await all.shown('', { fields: both })), 'credentials-wrong');
    assert.equal(codeOf(await all.shown('', { fields: navigation, target: `/?access_token=${token}` })), 'credentials-missing');
    await refuses(all, `${token}${'A'.repeat(9_000)}`, /characters/);
    await refuses(all, 'a.b.c.d.e');
  });
});

describe('a token that is something else', () => {
  test('a client is never taken for a person of the same name', async () => {
    const all = await scene(asking);
    all.issuer.tokens.set('person', { active: true, aud: audience, sub: 'ana', client_id: 'web' });
    all.issuer.tokens.set('program', { active: true, aud: audience, client_id: 'ana' });
    const subjects: string[] = [];
    for (const token of ['person', 'program']) {
      const verdict = await all.shown(token);
      assert.ok(verdict.is === 'pass' && verdict.identity !== undefined);
      subjects.push(verdict.identity.subject.replace(/[0-9a-f]{8}/, 'ISSUER'));
      assert.ok(all.built.knows?.(verdict.identity.subject));
    }
    assert.deepEqual(subjects, ['bearer:ISSUER:ana', 'bearer-client:ISSUER:ana']);
    all.issuer.tokens.set('empty', { active: true, aud: audience, sub: null, client_id: 'ana' });
    await refuses(all, 'empty', /nobody/);
  });

  test('an ID token and a logout token open nothing, though their audience fits', async () => {
    const all = await scene();
    for (const claims of [{ at_hash: 'x' }, { c_hash: 'x' }, { events: {} }])
      for (const typ of ['JWT', 'at+jwt']) await refuses(all, await all.issuer.token(claims, { typ }), /no access token/);
  });
});

describe('the keys of an issuer', () => {
  test('a new key is taken when it shows up, an old one is good until the keys are fetched again', async () => {
    const { issuer, shown, tools } = await scene();
    const old = await issuer.token();
    assert.equal((await shown(old)).is, 'pass');
    issuer.keys.delete('one');
    issuer.keys.set('next', 'ES256');
    tools.clock.now += tools.limits.issuerRetryMs;
    assert.equal((await shown(await issuer.token({}, { by: 'next' }))).is, 'pass');
    tools.clock.now += tools.limits.tokenCacheMs;
    assert.equal(codeOf(await shown(old)), 'credentials-wrong');
  });

  test('the issuer is away: what is known holds for a while, then nobody is let in', async () => {
    const { issuer, shown, tools } = await scene();
    const token = await issuer.token({ exp: Math.floor(tools.clock.now / 1000) + 90_000 });
    assert.equal((await shown(token)).is, 'pass');
    issuer.state.away = true;
    tools.clock.now += tools.limits.issuerStaleMs - 1;
    assert.equal((await shown(token)).is, 'pass');
    tools.clock.now += tools.limits.tokenCacheMs + 1;
    assert.equal(codeOf(await shown(token)), 'issuer-unreachable');
  });

  test('metadata of another issuer, keys in the clear and nonsense are none', async () => {
    for (const metadata of [
      { issuer: 'https://evil.example.test' },
      { issuer: `${issuerUrl}/` },
      { jwks_uri: 'http://login.example.test/keys' },
      { jwks_uri: 7 },
    ]) {
      const { issuer, shown } = await scene();
      Object.assign(issuer.metadata, metadata);
      assert.equal(codeOf(await shown(await issuer.token())), 'issuer-unreachable', JSON.stringify(metadata));
      assert.ok(issuer.requests.every(({ url }) => url.startsWith('https://login.example.test/')));
    }
  });
});

describe('introspection', () => {
  test('the issuer is asked once a minute, with our secret, and what it takes back opens nothing: revocation', async () => {
    const { issuer, shown, tools } = await scene(asking);
    issuer.tokens.set('opaque', { active: true, aud: audience, sub: 'ci', scope: 'x' });
    assert.equal((await shown('opaque')).is, 'pass');
    assert.equal((await shown('opaque')).is, 'pass');
    const asked = issuer.requests.filter(({ url }) => url.endsWith('/introspect'));
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.fields['Authorization'], `Basic ${Buffer.from('gateway:a%3Asecret+with+blanks').toString('base64')}`);
    issuer.tokens.delete('opaque');
    tools.clock.now += tools.limits.tokenCacheMs;
    assert.equal(codeOf(await shown('opaque')), 'credentials-wrong');
  });

  test('a signed token has to be good here and there', async () => {
    const all = await scene(asking);
    const token = await all.issuer.token();
    await refuses(all, token, /vouch/);
    all.issuer.tokens.set(token, { active: true, aud: audience, sub: 'ana' });
    assert.equal((await all.shown(token)).is, 'pass');
    const stranger = forged({ alg: 'none' }, claimsOf(all), '');
    all.issuer.tokens.set(stranger, { active: true, aud: audience, sub: 'ana' });
    await refuses(all, stranger);
  });

  test('fail closed: yes is true and nothing else, for our audience, within its time', async () => {
    const all = await scene(asking);
    const now = Math.floor(all.tools.clock.now / 1000);
    const good = { active: true, aud: audience, sub: 'ana' };
    for (const said of [
      { ...good, active: 'true' },
      { ...good, active: 1 },
      { ...good, aud: undefined },
      { ...good, aud: 'other' },
      { ...good, iss: 'https://evil.example.test' },
      { ...good, exp: 'never' },
      { ...good, nbf: now + 120 },
      { ...good, sub: undefined },
    ]) {
      all.issuer.tokens.set('opaque', said);
      await refuses(all, 'opaque');
    }
    all.issuer.tokens.set('opaque', { ...good, exp: now - 61 });
    assert.equal(codeOf(await all.shown('opaque')), 'credentials-expired');
    all.issuer.state.away = true;
    assert.equal(codeOf(await all.shown('opaque')), 'issuer-unreachable');
  });

  test('brute force of opaque tokens: who makes them up waits, and the issuer is left alone', async () => {
    const all = await scene(asking, { guessesPerAddressMax: 5 });
    for (let count = 0; count < 5; count += 1) await refuses(all, `guess-${count}`);
    for (let count = 5; count < 50; count += 1) assert.equal(codeOf(await all.shown(`guess-${count}`)), 'credentials-throttled');
    assert.equal(all.issuer.requests.filter(({ url }) => url.endsWith('/introspect')).length, 5);
    assert.equal(
      codeOf(await all.shown('guess', { from: '198.51.100.9', fields: [['Authorization', 'Bearer guess']] })),
      'credentials-wrong',
    );
  });
});

describe('a configuration that cannot hold', () => {
  test('is refused when it is read', () => {
    for (const wrong of [
      {},
      { issuer: issuerUrl },
      { audience },
      { ...plain, issuer: 'http://login.example.test' },
      { ...plain, issuer: 'https://u:p@login.example.test' },
      { ...plain, audience: [] },
      { ...plain, audience: '' },
      { ...plain, keys: 'http://x/' },
      { ...plain, introspect: {} },
    ])
      assert.ok(!bearer.options.safeParse(wrong).success, JSON.stringify(wrong));
  });

  test('refuses to start: a secret that is not stored, a file that is missing or holds no certificate', async () => {
    const tools = await testTools([]);
    const fails = (options: object, code: string) =>
      assert.throws(
        () => bearer.build(bearer.options.parse(options), tools, service),
        (error) => error instanceof SallyportError && error.code === code,
      );
    fails(asking, 'secret-missing');
    fails({ ...plain, ca: '/nowhere/at/all.pem' }, 'file-missing');
    fails({ ...plain, ca: import.meta.filename }, 'config-malformed');
  });
});
