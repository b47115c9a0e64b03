/** Logins at a real provider: how one gets in, and everything by which one must not. */

import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import type { FormAnswer } from '../../contracts/guard.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { createOutgoing } from '../../controlplane/outgoing/outgoing.ts';
import { exchangeOf, navigation, noBody, type Asked } from '../../../test/doubles/exchange.ts';
import { clientSecret, startProvider, type TestProvider } from '../../../test/doubles/openid-provider.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { oidc } from './oidc.ts';
import { admit, joinedClaims, lacksClaims } from './oidc/admission.ts';
import { oidcOptions } from './oidc/options.ts';

const host = 'blog.example.test';
const callback = `https://${host}/.sallyport/callback`;
const service = { name: 'blog', hosts: [host], behindRelay: false };

let provider: TestProvider;
before(async () => {
  provider = await startProvider({ callback, backchannel: `https://${host}/.sallyport/backchannel` });
  provider.accounts.set('ana', { email: 'Ana@example.org', email_verified: true, groups: ['staff'], preferred_username: 'ana' });
  provider.accounts.set('eve', { email: 'ana@example.org', email_verified: false, groups: ['guests'] });
});
after(() => provider.close());

type Given = Readonly<{ options?: Readonly<Record<string, unknown>>; limits?: Partial<Limits>; secret?: string }>;

async function scene({ options = { emails: ['ana@example.org'] }, limits = {}, secret = clientSecret }: Given = {}) {
  const tools = await testTools([], limits);
  tools.clock.now = Date.now();
  tools.secrets.set('login', new TextEncoder().encode(secret));
  const outgoing = createOutgoing(tools.limits);
  const asked: string[] = [];
  tools.outside.ask = (each) => {
    asked.push(`${each.method} ${new URL(each.url).pathname}`);
    return outgoing.ask({ ...each, ca: provider.ca });
  };
  after(() => outgoing.close());
  const built = oidc.build(oidc.options.parse({ issuer: provider.issuer, client: 'gateway', secret: 'login', ...options }), tools, service);
  const form = async (method: 'GET' | 'POST', target: string, more: Asked = {}): Promise<FormAnswer> => {
    const [path = '', query = ''] = target.split('?');
    const found = built.forms?.find((each) => each.method === method && each.path === path);
    assert.ok(found !== undefined, target);
    return found.handle(exchangeOf({ method, target, fields: navigation, ...more }), { fields: new URLSearchParams(query), rest: '' });
  };
  return { tools, built, form, asked };
}

type Scene = Awaited<ReturnType<typeof scene>>;

const fieldsOf = (answer: FormAnswer, name: string): readonly string[] => {
  const reply = 'is' in answer ? answer.answer : answer;
  return (reply?.fields ?? []).filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
};
const locationOf = (answer: FormAnswer): string => fieldsOf(answer, 'location')[0] ?? '';
const cookieOf = (answer: FormAnswer, name: string): string =>
  fieldsOf(answer, 'set-cookie')
    .find((each) => each.startsWith(`__Host-sallyport-${name}=`))
    ?.split(';')[0] ?? '';
const codeOf = (answer: FormAnswer): string => ('is' in answer ? answer.code : String(answer.status));
const withCookie = (...cookies: readonly string[]): Asked => ({ fields: [...navigation, ['Cookie', cookies.join('; ')]] });

type Step = Readonly<{ location: string | null; body: string }>;

/** One step of a browser at the provider. */
function step(url: string, jar: Map<string, string>, body: string | null): Promise<Step> {
  return new Promise((resolve, reject) => {
    const headers = {
      Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(body === null ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
    };
    const asked = request(url, { method: body === null ? 'GET' : 'POST', ca: provider.ca, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => (text += piece.toString()));
      response.once('end', () => {
        for (const cookie of response.headers['set-cookie'] ?? []) {
          const [pair = ''] = cookie.split(';');
          jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
        }
        resolve({ location: response.headers.location ?? null, body: text });
      });
    });
    asked.once('error', reject);
    asked.end(body ?? undefined);
  });
}

/** What a person does at the provider: follows, types a name, agrees. Returns where they are sent back to. */
async function atProvider(address: string, name: string, deny = false, jar = new Map<string, string>()): Promise<string> {
  let url = address;
  for (let count = 0; count < 12; count += 1) {
    const here = await step(url, jar, null);
    // A form: it is filled in and sent to where it is.
    const next = here.location ?? (await step(url, jar, deny ? 'deny=1' : `name=${name}`)).location;
    assert.ok(next !== null, `the provider leads nowhere from ${url}`);
    url = new URL(next, url).href;
    if (url.startsWith(`https://${host}/`)) return url.slice(`https://${host}`.length);
  }
  assert.fail('the provider leads in a circle');
}

/** Up to the way back: the target of the callback, and the cookie of the browser that began. */
async function begun(all: Scene, name: string, to = '/photos?id=1') {
  const start = await all.form('GET', `/.sallyport/oidc?to=${encodeURIComponent(to)}`);
  const cookie = cookieOf(start, 'login');
  return { cookie, target: await atProvider(locationOf(start), name) };
}

async function signedIn(all: Scene, name = 'ana') {
  const { cookie, target } = await begun(all, name);
  const answer = await all.form('GET', target, withCookie(cookie));
  assert.equal(codeOf(answer), '303', 'is' in answer ? answer.why : '');
  return { answer, session: cookieOf(answer, 'session'), cookie, target };
}

describe('a login', () => {
  test('leads to the provider with PKCE, state and nonce, and back to where one wanted to go', async () => {
    const all = await scene({ options: { groups: ['staff'], roles: 'groups' } });
    const start = await all.form('GET', '/.sallyport/oidc?to=/photos');
    const address = new URL(locationOf(start));
    assert.equal(address.origin, provider.issuer);
    const {
      state,
      nonce,
      code_challenge: challenge,
      code_challenge_method: method,
      redirect_uri: back,
      scope,
      response_type: type,
    } = Object.fromEntries(address.searchParams);
    for (const value of [state, nonce, challenge]) assert.match(value ?? '', /^[\w-]{43}$/);
    assert.deepEqual([method, back, scope, type], ['S256', callback, 'openid email profile', 'code']);
    assert.match(
      fieldsOf(start, 'set-cookie')[0] ?? '',
      /^__Host-sallyport-login=[\w.-]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/,
    );
    for (const value of [state, nonce]) assert.ok(!(fieldsOf(start, 'set-cookie')[0] ?? '').includes(value ?? ''), 'sealed');
    const { answer, session } = await signedIn(all);
    assert.equal(locationOf(answer), '/photos?id=1');
    assert.match(fieldsOf(answer, 'set-cookie')[1] ?? '', /^__Host-sallyport-login=; .*Max-Age=0$/);
    const verdict = await all.built.check(exchangeOf(withCookie(session)), noBody);
    assert.ok(verdict.is === 'pass' && verdict.identity !== undefined);
    assert.match(verdict.identity.subject, /^oidc:[0-9a-f]{8}:ana$/);
    assert.deepEqual([verdict.identity.name, verdict.identity.roles, verdict.identity.by], ['ana@example.org', ['staff'], 'session']);
    assert.match(verdict.identity.session ?? '', /^[0-9a-f]{16}$/);
  });

  test('refused group, and an address that nobody has verified: a page, and no session', async () => {
    for (const options of [{ groups: ['staff'] }, { emails: ['ana@example.org'] }, { domains: ['example.org'] }]) {
      const all = await scene({ options });
      const { cookie, target } = await begun(all, 'eve');
      const answer = await all.form('GET', target, withCookie(cookie));
      assert.ok('is' in answer && answer.answer?.status === 403);
      assert.equal(cookieOf(answer, 'session'), '');
      assert.equal(all.tools.people.sessions.list().length, 0);
    }
  });

  test('who says no at the provider is a stranger as before', async () => {
    const all = await scene();
    const start = await all.form('GET', '/.sallyport/oidc');
    const target = await atProvider(locationOf(start), 'ana', true);
    assert.match(target, /error=access_denied/);
    const answer = await all.form('GET', target, withCookie(cookieOf(start, 'login')));
    assert.ok('is' in answer && answer.answer === null && answer.code === 'credentials-wrong');
  });

  test('fixation: a new session each time, and the old one ends', async () => {
    const all = await scene();
    const first = await signedIn(all);
    const { cookie, target } = await begun(all, 'ana');
    const second = await all.form('GET', target, withCookie(cookie, first.session));
    assert.notEqual(cookieOf(second, 'session'), first.session);
    assert.equal((await all.built.check(exchangeOf(withCookie(first.session)), noBody)).is, 'challenge');
    assert.equal(all.tools.people.sessions.list().length, 1);
  });
});

describe('a login that somebody else wrote', () => {
  test('tampered state, another browser, none at all: the provider is not asked', async () => {
    const all = await scene();
    const { cookie, target } = await begun(all, 'ana');
    const other = await begun(all, 'ana');
    const { length } = all.asked;
    const changed = target.replace(/state=[^&]+/, `state=${'A'.repeat(43)}`);
    const tries: readonly (readonly [string, Asked])[] = [
      [changed, withCookie(cookie)],
      [target.replace(/state=[^&]+/, 'state='), withCookie(cookie)],
      [target.replace(/&?state=[^&]+/, ''), withCookie(cookie)],
      [`${target}&state=x`, withCookie(cookie)],
      [target, withCookie(other.cookie)],
      [target, { fields: navigation }],
      [target, withCookie(cookie, cookie)],
      [target, withCookie(`${cookie}x`)],
      [target, withCookie(`__Host-sallyport-login=${'x'.repeat(9_000)}`)],
      [target, { ...withCookie(cookie), host: 'other.example.test' }],
      [target, { ...withCookie(cookie), port: 8443 }],
      [target, { ...withCookie(cookie), scheme: 'http' }],
    ];
    for (const [index, [path, asked]] of tries.entries()) {
      const answer = await all.form('GET', path, asked);
      assert.ok('is' in answer && answer.answer === null, `try ${index}`);
    }
    assert.equal(all.asked.length, length);
    assert.equal(codeOf(await all.form('GET', target, withCookie(cookie))), '303', 'and the right one still goes');
  });

  test('replayed code and state: the second time it is nothing', async () => {
    const all = await scene();
    const { cookie, target } = await signedIn(all);
    const { length } = all.asked;
    const again = await all.form('GET', target, withCookie(cookie));
    assert.deepEqual([codeOf(again), all.asked.length], ['credentials-wrong', length], 'and the provider is not asked');
    const fresh = await begun(all, 'ana');
    const code = new URLSearchParams(target.split('?')[1]).get('code') ?? '';
    const replayed = await all.form('GET', fresh.target.replace(/code=[^&]+/, `code=${code}`), withCookie(fresh.cookie));
    assert.equal(codeOf(replayed), 'credentials-wrong');
    assert.equal(all.tools.people.sessions.list().length, 1);
  });

  test('code injection: a code of another login does not fit the verifier and the nonce of this browser', async () => {
    const all = await scene();
    const [victim, attacker] = [await begun(all, 'ana'), await begun(all, 'ana')];
    const code = new URLSearchParams(victim.target.split('?')[1]).get('code') ?? '';
    const answer = await all.form('GET', attacker.target.replace(/code=[^&]+/, `code=${code}`), withCookie(attacker.cookie));
    assert.equal(codeOf(answer), 'credentials-wrong');
  });

  test('mix-up: an answer in the name of another issuer is none', async () => {
    const all = await scene();
    const { cookie, target } = await begun(all, 'ana');
    assert.match(target, /iss=/);
    const answer = await all.form('GET', target.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example.test'), withCookie(cookie));
    assert.equal(codeOf(answer), 'credentials-wrong');
  });

  test('an old login: the cookie ends after ten minutes, whatever the browser does', async () => {
    const all = await scene();
    const { cookie, target } = await begun(all, 'ana');
    all.tools.clock.now += all.tools.limits.loginMs + 1_000;
    assert.equal(codeOf(await all.form('GET', target, withCookie(cookie))), 'credentials-missing');
  });

  test('login CSRF: a page of another site begins none', async () => {
    const all = await scene();
    const answer = await all.form('GET', '/.sallyport/oidc', {
      fields: [...navigation.filter(([name]) => name !== 'Sec-Fetch-Site'), ['Sec-Fetch-Site', 'cross-site']],
    });
    assert.equal(codeOf(answer), 'origin-foreign');
    assert.equal(all.asked.length, 0);
  });

  test('open redirect: one comes back to this very site, or to /', async () => {
    const all = await scene();
    for (const to of [
      'https://evil.example.test/',
      '//evil.example.test',
      '/\\evil.example.test',
      '/.sallyport/logout',
      'javascript:alert(1)',
      '/%0d%0aSet-Cookie:x',
    ]) {
      const { cookie, target } = await begun(all, 'ana', to);
      assert.equal(locationOf(await all.form('GET', target, withCookie(cookie))), '/', to);
    }
  });

  test('an oversized cookie is never sent: a long way back is shortened', async () => {
    const all = await scene();
    const start = await all.form('GET', `/.sallyport/oidc?to=/${'x'.repeat(2_040)}`);
    assert.equal(codeOf(start), '303');
    assert.ok((fieldsOf(start, 'set-cookie')[0] ?? '').length < 4_096);
  });

  test('brute force: who comes back with made-up codes waits, and the provider is left alone', async () => {
    const all = await scene({ limits: { guessesPerAddressMax: 2 } });
    const codes: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const start = await all.form('GET', '/.sallyport/oidc');
      const state = new URL(locationOf(start)).searchParams.get('state') ?? '';
      const target = `/.sallyport/callback?code=guess&state=${state}&iss=${encodeURIComponent(provider.issuer)}`;
      codes.push(codeOf(await all.form('GET', target, withCookie(cookieOf(start, 'login')))));
    }
    assert.deepEqual(codes, [
      'credentials-wrong',
      'credentials-wrong',
      'credentials-throttled',
      'credentials-throttled',
      'credentials-throttled',
    ]);
    assert.equal(all.asked.filter((each) => each === 'POST /token').length, 2);
  });

  test('a wrong secret of ours lets nobody in', async () => {
    const all = await scene({ secret: 'another-secret-altogether' });
    const { cookie, target } = await begun(all, 'ana');
    assert.equal(codeOf(await all.form('GET', target, withCookie(cookie))), 'credentials-wrong');
  });

  test('the provider is away: nobody new, who is in stays in', async () => {
    const all = await scene();
    const { session } = await signedIn(all);
    all.tools.outside.ask = () => Promise.reject(new SallyportError('issuer-unreachable', 'away'));
    all.tools.clock.now += all.tools.limits.issuerStaleMs;
    const answer = await all.form('GET', '/.sallyport/oidc');
    assert.ok('is' in answer && answer.code === 'issuer-unreachable' && answer.answer?.status === 503);
    assert.equal((await all.built.check(exchangeOf(withCookie(session)), noBody)).is, 'pass');
  });
});

describe('a session', () => {
  test('of another name, another service or another guard is none; two cookies are none: cookie tossing', async () => {
    const all = await scene();
    const { session } = await signedIn(all);
    const is = async (asked: Asked): Promise<string> => (await all.built.check(exchangeOf(asked), noBody)).is;
    assert.equal(await is(withCookie(session)), 'pass');
    assert.equal(await is({ ...withCookie(session), host: 'www.example.test' }), 'challenge');
    assert.equal(await is(withCookie(session, session)), 'challenge');
    assert.equal(await is({ ...withCookie(session), scheme: 'http' }), 'challenge');
    const elsewhere = oidc.build(oidc.options.parse({ issuer: provider.issuer, client: 'gateway', everyone: true }), all.tools, {
      ...service,
      name: 'shop',
    });
    assert.equal((await elsewhere.check(exchangeOf(withCookie(session)), noBody)).is, 'challenge');
  });

  test('CSRF and WebSocket hijacking: pages of another site send nothing in its name', async () => {
    const all = await scene();
    const { session } = await signedIn(all);
    const foreign = [
      ['Cookie', session],
      ['Origin', 'https://evil.example.test'],
    ] as const;
    assert.equal((await all.built.check(exchangeOf({ method: 'POST', fields: foreign }), noBody)).is, 'deny');
    assert.equal((await all.built.check(exchangeOf({ upgrade: 'websocket', fields: foreign }), noBody)).is, 'deny');
  });

  test('ends when it expires, when it is revoked, and when who may come in is said anew', async () => {
    const all = await scene();
    const { session } = await signedIn(all);
    const stricter = oidc.build(
      oidc.options.parse({ issuer: provider.issuer, client: 'gateway', secret: 'login', emails: ['ben@example.org'] }),
      all.tools,
      service,
    );
    assert.equal((await stricter.check(exchangeOf(withCookie(session)), noBody)).is, 'challenge');
    const [listed] = all.tools.people.sessions.list();
    await all.tools.sessions.revoke(listed?.id ?? '');
    assert.equal((await all.built.check(exchangeOf(withCookie(session)), noBody)).is, 'challenge');
    const next = await signedIn(all);
    all.tools.clock.now += all.tools.limits.sessionMs;
    assert.equal((await all.built.check(exchangeOf(withCookie(next.session)), noBody)).is, 'challenge');
  });

  test('ends by signing out here', async () => {
    const all = await scene();
    const { session } = await signedIn(all);
    const answer = await all.form('POST', '/.sallyport/logout', { fields: [['Cookie', session]] });
    assert.equal(codeOf(answer), '303');
    assert.equal((await all.built.check(exchangeOf(withCookie(session)), noBody)).is, 'challenge');
  });
});

describe('back-channel logout', () => {
  const event = { 'http://schemas.openid.net/event/backchannel-logout': {} };

  /** A provider of our own, whose key we have. */
  async function withKey() {
    const all = await scene();
    const { session } = await signedIn(all);
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const { exportJWK } = await import('jose');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'out', alg: 'ES256', use: 'sig' };
    const { ask } = all.tools.outside;
    all.tools.outside.ask = async (each) => {
      const answer = await ask(each);
      return each.url.endsWith('/jwks') ? { ...answer, body: JSON.stringify({ keys: [jwk] }) } : answer;
    };
    const send = async (claims: object, header: object = {}, key: CryptoKey = privateKey): Promise<string> => {
      const now = Math.floor(all.tools.clock.now / 1000);
      const whole = {
        iss: provider.issuer,
        aud: 'gateway',
        iat: now,
        exp: now + 120,
        jti: `j${Math.random()}`,
        sub: 'ana',
        events: event,
        ...claims,
      };
      const token = await new SignJWT(whole).setProtectedHeader({ alg: 'ES256', kid: 'out', typ: 'logout+jwt', ...header }).sign(key);
      return codeOf(await all.form('POST', `/.sallyport/backchannel?logout_token=${token}`, { fields: [] }));
    };
    const isIn = async (): Promise<boolean> => (await all.built.check(exchangeOf(withCookie(session)), noBody)).is === 'pass';
    return { send, isIn };
  }

  test('the provider ends all sessions of an account, once a token', async () => {
    const { send, isIn } = await withKey();
    assert.equal(await send({ jti: 'once' }), '200');
    assert.equal(await isIn(), false);
    assert.equal(await send({ jti: 'once' }), 'credentials-wrong', 'replayed');
  });

  test('a real provider says that somebody has signed out there, and they are out here', async () => {
    const all = await scene();
    const jar = new Map<string, string>();
    const start = await all.form('GET', '/.sallyport/oidc');
    const target = await atProvider(locationOf(start), 'ana', false, jar);
    const session = cookieOf(await all.form('GET', target, withCookie(cookieOf(start, 'login'))), 'session');
    assert.equal((await all.built.check(exchangeOf(withCookie(session)), noBody)).is, 'pass');
    const { body } = await step(`${provider.issuer}/session/end`, jar, null);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(body)?.[1] ?? '';
    await step(`${provider.issuer}/session/end/confirm`, jar, `xsrf=${xsrf}&logout=yes`);
    const told = provider.sent.at(-1);
    assert.equal(told?.url, `https://${host}/.sallyport/backchannel`);
    assert.equal(codeOf(await all.form('POST', `/.sallyport/backchannel?${told?.body}`, { fields: [] })), '200');
    assert.equal((await all.built.check(exchangeOf(withCookie(session)), noBody)).is, 'challenge');
  });

  test('what is no logout token ends nothing', async () => {
    const { send, isIn } = await withKey();
    const stranger = (await generateKeyPair('ES256')).privateKey;
    const tries = [
      await send({ aud: 'another' }),
      await send({ iss: 'https://evil.example.test' }),
      await send({ nonce: 'n' }),
      await send({ events: {} }),
      await send({ events: 'http://schemas.openid.net/event/backchannel-logout' }),
      await send({ sub: 7 }),
      await send({ jti: 7 }),
      await send({ exp: 1 }),
      await send({}, { typ: 'at+jwt' }),
      await send({}, {}, stranger),
    ];
    assert.deepEqual([...new Set(tries)], ['credentials-wrong']);
    assert.equal(await send({ sub: 'ben' }), '200');
    assert.equal(await isIn(), true, 'somebody else has signed out');
  });
});

describe('who may come in', () => {
  const issuer = 'https://login.example.test';
  const ask = (rules: object, claims: object) =>
    admit({ sub: '1', ...claims }, oidcOptions.parse({ issuer, client: 'c', ...rules })).is === 'admitted';

  test('verified claims alone, compared whole', () => {
    const verified = { email_verified: true };
    assert.ok(ask({ emails: ['Ana@Example.org'] }, { ...verified, email: 'ANA@example.ORG' }));
    assert.ok(ask({ domains: ['example.org'] }, { ...verified, email: 'any@Example.org' }));
    assert.ok(ask({ groups: ['staff'], claim: 'realm_access.roles' }, { realm_access: { roles: ['x', 'staff'] } }));
    assert.ok(ask({ everyone: true }, {}));
    const emails = [
      'ana@evil.test@example.org',
      'ana@example.org.evil.test',
      'ana@sub.example.org',
      'ana@xexample.org',
      '@example.org',
      'ana@',
      'ana',
      '"ana@evil.test"@example.org',
      'ana@example.org\n',
      'ana @example.org',
      'аna@example.org',
      7,
      null,
      ['ana@example.org'],
    ];
    for (const email of emails)
      assert.ok(!ask({ emails: ['ana@example.org'], domains: ['example.org'] }, { ...verified, email }), String(email));
    for (const email_verified of ['true', 1, false, null, undefined])
      assert.ok(!ask({ domains: ['example.org'] }, { email: 'ana@example.org', email_verified }));
    for (const groups of ['staffx', ['Staff'], [['staff']], { staff: true }, undefined]) assert.ok(!ask({ groups: ['staff'] }, { groups }));
    for (const sub of [undefined, '', 7, 'a b', 'a\nb', 'x'.repeat(256)]) assert.ok(!ask({ everyone: true }, { sub }));
    assert.ok(!ask({ groups: ['staff'], claim: '__proto__' }, {}));
  });

  test('verified claims alone: an address and its "verified" come from one source', () => {
    const options = oidcOptions.parse({ issuer, client: 'c', emails: ['ana@example.org'] });
    const is = (signed: object, told: object): string => admit(joinedClaims({ sub: '1', ...signed }, { sub: '1', ...told }), options).is;
    const email = 'ana@example.org';
    assert.equal(is({ email_verified: true }, { email, email_verified: false }), 'refused');
    assert.equal(is({ email_verified: true }, { email }), 'refused');
    assert.equal(is({ email }, { email: 'eve@example.org', email_verified: true }), 'refused');
    assert.equal(is({}, { email, email_verified: true }), 'admitted');
    assert.equal(is({ email, email_verified: true }, { email: 'eve@example.org', email_verified: false }), 'admitted');
    assert.equal(joinedClaims({ sub: '1' }, { sub: '2' })['sub'], '1');
  });

  test('the provider is asked for more only where a rule needs it', () => {
    const options = oidcOptions.parse({ issuer, client: 'c', groups: ['staff'] });
    assert.deepEqual([lacksClaims({}, options), lacksClaims({ groups: [] }, options)], [true, false]);
  });

  test('nobody said, empty lists, a provider in the clear: refused when it is read', () => {
    for (const wrong of [
      {},
      { emails: [] },
      { domains: [] },
      { groups: [] },
      { everyone: false },
      { everyone: true, emails: ['a@b.c'] },
      { emails: ['ana'] },
      { domains: ['@example.org'] },
      { everyone: true, issuer: 'http://login.example.test' },
    ])
      assert.ok(!oidcOptions.safeParse({ issuer, client: 'c', ...wrong }).success, JSON.stringify(wrong));
  });

  test('a secret that is not stored: refused at the start', async () => {
    const tools = await testTools([]);
    assert.throws(
      () => oidc.build(oidc.options.parse({ issuer, client: 'c', secret: 'login', everyone: true }), tools, service),
      (error) => error instanceof SallyportError && error.code === 'secret-missing',
    );
  });
});
