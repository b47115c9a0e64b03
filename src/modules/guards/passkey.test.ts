/** Passkeys, alone and after a password: how one is made and gets in, and everything by which one must not. */

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import type { FormAnswer } from '../../contracts/guard.ts';
import { authenticator, type Asked, type Authenticator, type Lies } from '../../../test/doubles/authenticator.ts';
import { basicOf } from '../../../test/doubles/exchange.ts';
import { bodyOf, fieldsOf, host, rightPassword, scene, told, who, type Scene, type Visitor } from '../../../test/doubles/factors.ts';
import { goodPassword } from '../../../test/doubles/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { sessionCookie } from '../../core/policy/session-cookie.ts';

const page = '/.sallyport/passkey';
const enrol = '/.sallyport/enrol';
const alone = [{ passkey: {} }];
const both = [{ password: {}, passkey: {} }];
const origin = `https://${host}`;
const cookie = '__Host-sallyport-passkey';

/** What the page hands to the browser. */
function asked(answer: FormAnswer): Asked {
  const [, text = ''] = /data-passkey="([^"]+)"/.exec(bodyOf(answer)) ?? [];
  return JSON.parse(text.replaceAll('&#34;', '"').replaceAll('&#38;', '&')) as Asked;
}

async function invited(all: Scene, user = 'ana'): Promise<string> {
  return (await all.tools.people.logins.passkeys.invite({ user, service: 'blog', label: null })).secret;
}

/** Makes a passkey by an invitation, as somebody with the link does. */
async function madeBy(all: Scene, secret: string, device: Authenticator, lies: Lies = {}, visitor = all.visitor()): Promise<FormAnswer> {
  const begun = await visitor.form('POST', enrol, { invitation: secret });
  if ('is' in begun) return begun;
  return visitor.form('POST', enrol, { credential: device.make(asked(begun), lies) });
}

async function withPasskey(said: Parameters<typeof scene>[0], more: Parameters<typeof scene>[1] = {}) {
  const all = await scene(said, more);
  const device = authenticator(origin);
  assert.equal(told(await madeBy(all, await invited(all), device)), '200');
  return { all, device };
}

async function use(visitor: Visitor, device: Authenticator, lies: Lies = {}): Promise<FormAnswer> {
  const shown = await visitor.form('GET', page, { to: '/posts?id=1' });
  return visitor.form('POST', page, { credential: device.use(asked(shown), lies) });
}

describe('a passkey alone', () => {
  test('is made by an invitation, and opens a session from then on', async () => {
    const all = await scene(alone);
    const device = authenticator(origin);
    const visitor = all.visitor();
    const start = await visitor.form('GET', enrol);
    assert.equal(told(start), '200');
    const [policy = ''] = fieldsOf(start, 'content-security-policy');
    assert.match(policy, /script-src 'sha256-[\w+/]{43}='; form-action 'self'; frame-ancestors 'none'/);
    const made = await madeBy(all, await invited(all), device, {}, visitor);
    assert.deepEqual([told(made), visitor.cookies.size], ['200', 0]);
    assert.equal(who(await visitor.asks()), 'credentials-missing', 'to make one is not to come in');
    assert.equal(told(await use(visitor, device)), '303 /posts?id=1');
    assert.equal(who(await visitor.asks()), 'ana');
    const [kept] = all.tools.logins.passkeys.of('ana');
    assert.deepEqual([kept?.host, kept?.counter, kept?.transports, kept?.synced], [host, 2, ['internal'], false]);
  });

  test('asks for a discoverable one with the user verified, and names nobody', async () => {
    const { all } = await withPasskey(alone);
    const visitor = all.visitor();
    const shown = asked(await visitor.form('GET', page));
    assert.deepEqual({ ...shown, challenge: '' }, { challenge: '', rpId: host, userVerification: 'required' });
    const again = asked(await visitor.form('GET', page));
    assert.notEqual(again.challenge, shown.challenge);
    const making = await all.visitor().form('POST', enrol, { invitation: await invited(all) });
    assert.match(
      bodyOf(making),
      /&#34;residentKey&#34;:&#34;required&#34;,&#34;requireResidentKey&#34;:true,&#34;userVerification&#34;:&#34;required&#34;/,
    );
    assert.match(bodyOf(making), /&#34;excludeCredentials&#34;:\[\{/, 'one device makes one');
  });

  test('a passkey of another origin or RP opens nothing', async () => {
    const { all, device } = await withPasskey(alone);
    const other = 'photos.example.test';
    for (const lies of [
      { origin: `https://${other}` },
      { origin: `http://${host}` },
      { origin: `${origin}:8443` },
      { host: other },
      { host: 'example.test' },
      { crossOrigin: true },
      { type: 'webauthn.create' },
    ])
      assert.equal(told(await use(all.visitor(), device, lies)), 'credentials-wrong', JSON.stringify(lies));
    const there = all.visitor();
    const at = { host: other };
    const shown = await there.form('GET', page, {}, at);
    const theirs = device.use(asked(shown), { origin: `https://${other}` });
    assert.equal(
      told(await there.form('POST', page, { credential: theirs }, at)),
      'credentials-wrong',
      'the same service, by another name',
    );
    assert.equal(told(await use(all.visitor(), device)), '303 /posts?id=1');
  });

  test('nobody verified, another key, another number, nonsense: nothing', async () => {
    const { all, device } = await withPasskey(alone);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const lies of [{ verified: false }, { key: privateKey }, { handle: 'AAAA' }, { handle: '' }, { credential: 'AAAA' }])
      assert.equal(told(await use(all.visitor(), device, lies)), 'credentials-wrong', Object.keys(lies).join());
    for (const credential of ['', '{}', 'null', '[]', '{"id":1}', 'x'.repeat(16_000), '{"__proto__":1}']) {
      const visitor = all.visitor('198.51.100.7');
      await visitor.form('GET', page);
      assert.equal(told(await visitor.form('POST', page, { credential })), 'credentials-wrong');
    }
  });

  test('counter going back: a copy is refused, and so is the same count again', async () => {
    const { all, device } = await withPasskey(alone);
    assert.equal(told(await use(all.visitor(), device, { counter: 40 })), '303 /posts?id=1');
    for (const counter of [40, 39, 0])
      assert.equal(told(await use(all.visitor(), device, { counter })), 'credentials-wrong', String(counter));
    assert.equal(told(await use(all.visitor(), device, { counter: 41 })), '303 /posts?id=1');
  });

  test('one that does not count stays at nought', async () => {
    const all = await scene(alone);
    const device = authenticator(origin);
    assert.equal(told(await madeBy(all, await invited(all), device, { counter: 0 })), '200');
    for (let count = 0; count < 2; count += 1) assert.equal(told(await use(all.visitor(), device, { counter: 0 })), '303 /posts?id=1');
  });

  test('challenge replayed: an answer is good once, in the browser that asked, and for ten minutes', async () => {
    const all = await scene(alone);
    const device = authenticator(origin);
    await madeBy(all, await invited(all), device, { counter: 0 });
    const visitor = all.visitor();
    const shown = await visitor.form('GET', page);
    const credential = device.use(asked(shown), { counter: 0 });
    const own = visitor.cookies.get(cookie) ?? '';
    const elsewhere = all.visitor();
    assert.equal(told(await elsewhere.form('POST', page, { credential })), 'credentials-wrong', 'a browser that did not ask');
    await elsewhere.form('GET', page);
    assert.equal(told(await elsewhere.form('POST', page, { credential })), 'credentials-wrong', 'one that asked for itself');
    const twice = [visitor, all.visitor()];
    twice[1]?.cookies.set(cookie, own);
    const answers = await Promise.all(twice.map((each) => each.form('POST', page, { credential })));
    assert.deepEqual(answers.map(told).toSorted(), ['303 /', 'credentials-wrong']);
    const late = all.visitor();
    const old = await late.form('GET', page);
    all.tools.clock.now += all.tools.limits.loginMs + 1_000;
    assert.equal(told(await late.form('POST', page, { credential: device.use(asked(old), { counter: 0 }) })), 'credentials-wrong');
  });

  test('fixation and CSRF: a new token at each login, and no page of another site sends the form', async () => {
    const { all, device } = await withPasskey(alone);
    const visitor = all.visitor();
    visitor.cookies.set(sessionCookie, 'A'.repeat(43));
    const shown = await visitor.form('GET', page);
    const credential = device.use(asked(shown));
    const foreign = { fields: [['Origin', 'https://evil.example.test']] as const };
    assert.equal(told(await visitor.form('POST', page, { credential }, foreign)), 'origin-foreign');
    assert.equal(told(await visitor.form('POST', enrol, { invitation: await invited(all) }, foreign)), 'origin-foreign');
    assert.equal(told(await visitor.form('POST', page, { credential })), '303 /');
    assert.notEqual(visitor.cookies.get(sessionCookie), 'A'.repeat(43));
  });

  test('in the clear there is none of it, and HTTP Basic opens nothing', async () => {
    const { all } = await withPasskey(alone);
    for (const [method, path] of [
      ['GET', page],
      ['POST', page],
      ['GET', enrol],
      ['POST', enrol],
    ] as const)
      assert.equal(told(await all.visitor().form(method, path, {}, { scheme: 'http' })), 'credentials-missing');
    assert.equal(who(await all.visitor().asks({ fields: [['Authorization', basicOf('ana', goodPassword)]] })), 'credentials-missing');
  });

  test('many wrong answers from one network wait', async () => {
    const { all, device } = await withPasskey(alone, { limits: { guessesPerAddressMax: 3 } });
    for (let count = 0; count < 3; count += 1) await use(all.visitor(), device, { verified: false });
    assert.equal(told(await use(all.visitor(), device)), 'credentials-throttled');
    assert.equal(told(await use(all.visitor('198.51.100.7'), device)), '303 /posts?id=1');
  });

  test('a session ends with its last passkey, and with the user', async () => {
    const { all, device } = await withPasskey(alone);
    const { passkeys } = all.tools.people.logins;
    const visitor = all.visitor();
    await use(visitor, device);
    const [kept] = passkeys.of('ana');
    assert.equal(await passkeys.remove('ben', kept?.id ?? ''), false);
    assert.equal(await passkeys.remove('ana', kept?.id ?? ''), true);
    assert.equal(who(await visitor.asks()), 'credentials-expired');
    assert.equal(told(await use(visitor, device)), 'credentials-wrong');
    const another = authenticator(origin);
    await madeBy(all, await invited(all), another);
    await all.tools.people.users.remove('ana');
    all.tools.clock.now += 1;
    await all.tools.people.users.add('ana', goodPassword);
    assert.equal(told(await use(all.visitor(), another)), 'credentials-wrong', 'who comes back under the same name has none of these');
  });
});

describe('an invitation', () => {
  test('enrolment link used twice: one makes a passkey, also of two at once', async () => {
    const all = await scene(alone);
    const secret = await invited(all);
    const answers = await Promise.all(
      [1, 2, 3].map(async (at) => madeBy(all, secret, authenticator(origin), {}, all.visitor(`192.0.2.${at}`))),
    );
    assert.deepEqual(answers.map(told).toSorted(), ['200', 'credentials-wrong', 'credentials-wrong']);
    assert.equal(all.tools.logins.passkeys.of('ana').length, 1);
    assert.equal(told(await madeBy(all, secret, authenticator(origin))), 'credentials-wrong');
  });

  test('looking spends nothing, a wrong answer neither, and a day ends it', async () => {
    const all = await scene(alone);
    const secret = await invited(all);
    for (let count = 0; count < 3; count += 1) await all.visitor().form('GET', enrol);
    for (const lies of [{ origin: 'https://evil.example.test' }, { host: 'example.test' }, { verified: false }, { challenge: 'AAAA' }])
      assert.equal(told(await madeBy(all, secret, authenticator(origin), lies)), 'credentials-wrong', JSON.stringify(lies));
    assert.equal(told(await madeBy(all, secret, authenticator(origin))), '200');
    const late = await invited(all);
    all.tools.clock.now += all.tools.limits.passkeyInvitationMs;
    assert.equal(told(await madeBy(all, late, authenticator(origin))), 'credentials-wrong');
  });

  test('is of one service and one user, is kept as a hash, and ends with them', async () => {
    const all = await scene([{ passkey: { users: ['ana'] } }]);
    const { passkeys } = all.tools.people.logins;
    const { secret } = await passkeys.invite({ user: 'ana', service: 'photos', label: null });
    assert.equal(told(await madeBy(all, secret, authenticator(origin))), 'credentials-wrong', 'of another service');
    assert.equal(
      told(await madeBy(all, await invited(all, 'ben'), authenticator(origin))),
      'credentials-wrong',
      'of somebody who is not admitted',
    );
    assert.ok(!JSON.stringify(await all.tools.store.records.list('')).includes(secret));
    const own = await invited(all);
    await all.tools.people.users.remove('ana');
    all.tools.clock.now += 1;
    await all.tools.people.users.add('ana', goodPassword);
    assert.equal(told(await madeBy(all, own, authenticator(origin))), 'credentials-wrong');
    for (const nonsense of ['', 'x', '../..', 'A'.repeat(32), 'A'.repeat(9_000)])
      assert.equal(told(await madeBy(all, nonsense, authenticator(origin))), 'credentials-wrong');
  });

  test('a passkey of one user is never made that of another', async () => {
    const { all, device } = await withPasskey(alone);
    assert.equal(told(await madeBy(all, await invited(all, 'ben'), device)), 'credentials-wrong');
    assert.equal(all.tools.logins.passkeys.of('ben').length, 0);
    const visitor = all.visitor();
    await use(visitor, device, { handle: all.tools.logins.passkeys.of('ana')[0]?.handle ?? '' });
    assert.equal(who(await visitor.asks()), 'ana');
  });
});

describe('a password and a passkey', () => {
  const login = '/.sallyport/login';

  test('both open a session, in order and of the same user', async () => {
    const { all, device } = await withPasskey(both);
    const visitor = all.visitor();
    assert.equal(told(await visitor.form('GET', page)), 'credentials-missing', 'two factors out of order');
    assert.equal(told(await visitor.form('POST', page, { credential: '' })), 'credentials-missing');
    assert.equal(told(await visitor.form('POST', login, { ...rightPassword, to: '/a' })), `303 ${page}`);
    assert.equal(who(await visitor.asks()), 'credentials-missing', 'session after one factor only');
    assert.equal(told(await use(visitor, device)), '303 /a');
    assert.equal(who(await visitor.asks()), 'ana');
    const ben = all.visitor();
    await ben.form('POST', login, { user: 'ben', password: goodPassword });
    assert.equal(told(await use(ben, device)), 'credentials-wrong', 'the passkey of somebody else');
  });

  test('a session with a password and a code is none with a passkey, and the other way round', async () => {
    const all = await scene([
      { password: {}, totp: { users: ['ana'] } },
      { password: {}, passkey: { users: ['ben'] } },
    ]);
    const device = authenticator(origin);
    assert.equal(told(await madeBy(all, await invited(all, 'ben'), device)), '200');
    const ana = all.visitor();
    assert.equal(told(await ana.form('POST', login, rightPassword)), '303 /.sallyport/totp');
    assert.match(bodyOf(await ana.form('GET', '/.sallyport/totp')), /Use a passkey instead/);
    assert.equal(told(await ana.form('POST', '/.sallyport/totp', { code: all.code() })), '303 /');
    assert.equal(who(await ana.asks()), 'ana');
    const ben = all.visitor();
    assert.equal(told(await ben.form('POST', login, { user: 'ben', password: goodPassword })), `303 ${page}`, 'what they have');
    assert.match(bodyOf(await ben.form('GET', page)), /Use a code instead/);
    assert.equal(told(await use(ben, device)), '303 /');
    assert.equal(who(await ben.asks()), 'ben');
  });

  test('two factors out of order: of three none is left out, and none comes before its turn', async () => {
    const { all, device } = await withPasskey([{ totp: {}, passkey: {}, password: {} }]);
    const visitor = all.visitor();
    assert.equal(told(await visitor.form('POST', login, { ...rightPassword, to: '/a' })), `303 ${page}`);
    assert.equal(told(await visitor.form('POST', '/.sallyport/totp', { code: all.code() })), 'credentials-missing');
    assert.equal(told(await use(visitor, device)), '303 /.sallyport/totp');
    assert.equal(told(await use(visitor, device).catch(() => visitor.form('GET', page))), 'credentials-missing', 'not twice');
    assert.equal(who(await visitor.asks()), 'credentials-missing', 'session after two of three');
    assert.equal(told(await visitor.form('POST', '/.sallyport/totp', { code: all.code() })), '303 /a');
    assert.equal(who(await visitor.asks()), 'ana');
  });

  test('nobody, or somebody who does not exist: it refuses to start', async () => {
    for (const [said, users] of [
      [alone, []],
      [[{ passkey: { users: ['eve'] } }], ['ana']],
    ] as const)
      await assert.rejects(
        scene(said, { users, enrol: false }),
        (error) => error instanceof SallyportError && error.code === 'user-missing',
      );
  });
});
