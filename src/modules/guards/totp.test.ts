/** Codes of an authenticator, after a password and alone: how one gets in, and everything by which one must not. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { basicOf } from '../../../test/doubles/exchange.ts';
import { bodyOf, fieldsOf, rightPassword, scene, told, who, type Scene, type Visitor } from '../../../test/doubles/factors.ts';
import { anaSession } from '../../../test/doubles/sessions.ts';
import { goodPassword } from '../../../test/doubles/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { sessionCookie } from '../../core/policy/session-cookie.ts';

const login = '/.sallyport/login';
const page = '/.sallyport/totp';
const both = [{ password: {}, totp: {} }];
const step = '__Host-sallyport-step';

/** The password is right: what comes is the code. */
async function atCode(all: Scene, from?: string): Promise<Visitor> {
  const visitor = all.visitor(from);
  assert.equal(told(await visitor.form('POST', login, { ...rightPassword, to: '/posts?id=1' })), `303 ${page}`);
  return visitor;
}

describe('a password and a code', () => {
  test('both, one after the other, open a session and lead to where one wanted to go', async () => {
    const all = await scene(both);
    const visitor = await atCode(all);
    const shown = await visitor.form('GET', page);
    assert.equal('is' in shown, false);
    assert.match(bodyOf(shown), /<label for="code">Code<\/label>/);
    assert.doesNotMatch(bodyOf(shown), /name="user"|ana/);
    assert.equal(told(await visitor.form('POST', page, { code: all.code() })), '303 /posts?id=1');
    assert.equal(visitor.cookies.has(step), false, 'the login has left nothing behind');
    assert.equal(who(await visitor.asks()), 'ana');
  });

  test('session after one factor only: there is none, neither after the password nor from before there was a code', async () => {
    const all = await scene(both);
    const visitor = await atCode(all);
    assert.equal(visitor.cookies.has(sessionCookie), false);
    assert.equal(who(await visitor.asks()), 'credentials-missing');
    const { token } = await all.tools.sessions.open({
      ...anaSession,
      revision: all.tools.users.find('ana')?.revision ?? 0,
      expires: all.tools.now() + 1_000,
      source: '192.0.2.7',
    });
    visitor.cookies.set(sessionCookie, token);
    assert.equal(who(await visitor.asks()), 'credentials-missing');
  });

  test('HTTP Basic alone never satisfies it, and says why', async () => {
    const all = await scene(both);
    const outcome = await all.visitor().asks({ fields: [['Authorization', basicOf('ana', goodPassword)]] });
    assert.equal(who(outcome), 'credentials-missing');
    assert.match(outcome.is === 'refuse' ? outcome.why : '', /HTTP Basic holds none/);
  });

  test('two factors out of order: a code before the password is nothing, and is not looked at', async () => {
    const all = await scene(both);
    const visitor = all.visitor();
    for (const fields of [{ code: all.code() }, { code: all.code(), user: 'ana' }]) {
      const answer = await visitor.form('POST', page, fields);
      assert.deepEqual([told(answer), 'is' in answer ? answer.answer : 0], ['credentials-missing', null], 'the face of any path');
    }
    assert.equal(told(await visitor.form('GET', page)), 'credentials-missing');
    const later = await atCode(all);
    assert.equal(told(await later.form('POST', page, { code: all.code() })), '303 /posts?id=1', 'it was not used up');
  });

  test('fixation: a login that was begun is of one place, goes on once, and gives a new token', async () => {
    const all = await scene(both);
    const visitor = await atCode(all);
    const begun = visitor.cookies.get(step) ?? '';
    const elsewhere = all.visitor();
    elsewhere.cookies.set(step, begun);
    assert.equal(told(await elsewhere.form('GET', page, {}, { host: 'photos.example.test' })), 'credentials-missing', 'another name');
    assert.equal(told(await elsewhere.form('GET', page, {}, { port: 8443 })), 'credentials-missing', 'another port');
    assert.equal(told(await elsewhere.form('GET', page, {}, { scheme: 'http' })), 'credentials-missing', 'in the clear');
    visitor.cookies.set(sessionCookie, 'A'.repeat(43));
    assert.equal(told(await visitor.form('POST', page, { code: all.code() })), '303 /posts?id=1');
    assert.notEqual(visitor.cookies.get(sessionCookie), 'A'.repeat(43));
    visitor.cookies.set(step, begun);
    assert.equal(told(await visitor.form('POST', page, { code: all.code(1) })), 'credentials-missing', 'it went on already');
    for (const forged of [`${begun.slice(0, -2)}AA`, 'x', 'a.b.c.d.e', 'A'.repeat(5_000)]) {
      visitor.cookies.set(step, forged);
      assert.equal(told(await visitor.form('GET', page)), 'credentials-missing', forged.slice(0, 20));
    }
  });

  test('a login that was begun ends with its time, and with a new password', async () => {
    const all = await scene(both);
    const slow = await atCode(all);
    all.tools.clock.now += all.tools.limits.loginMs + 1_000;
    assert.equal(told(await slow.form('POST', page, { code: all.code() })), 'credentials-missing');
    const visitor = await atCode(all);
    await all.tools.people.users.setPassword('ana', 'another good password');
    assert.equal(told(await visitor.form('POST', page, { code: all.code() })), 'credentials-wrong');
  });

  test('a session ends with the codes, with new ones, and with the user', async () => {
    const all = await scene(both);
    const { codes } = all.tools.people.logins;
    const visitor = await atCode(all);
    await visitor.form('POST', page, { code: all.code() });
    await codes.enrol('ana', codes.newSecret());
    assert.equal(who(await visitor.asks()), 'credentials-expired');
    await codes.enrol('ana', all.secret);
    all.tools.clock.now += 60_000;
    const again = await atCode(all);
    await again.form('POST', page, { code: all.code() });
    assert.equal(who(await again.asks()), 'ana');
    await codes.remove('ana');
    assert.equal(who(await again.asks()), 'credentials-expired');
    await codes.enrol('ana', all.secret);
    await all.tools.people.users.remove('ana');
    all.tools.clock.now += 1;
    await all.tools.people.users.add('ana', goodPassword);
    assert.equal(codes.has('ana'), false, 'who comes back under the same name has none of these');
  });

  test('enumeration: who has no codes meets the same page, the same words and the same waits', async () => {
    const all = await scene(both);
    const tell = async (user: string): Promise<readonly string[]> => {
      const visitor = all.visitor(user === 'ana' ? '192.0.2.7' : '198.51.100.7');
      const answers = [await visitor.form('POST', login, { user, password: goodPassword }), await visitor.form('GET', page)];
      for (let count = 0; count < 6; count += 1) answers.push(await visitor.form('POST', page, { code: '000000' }));
      return answers.map((answer) => `${told(answer)} ${bodyOf(answer)}`);
    };
    assert.deepEqual(await tell('ben'), await tell('ana'));
  });
});

describe('a code', () => {
  test('code replay: once, and none that came before it, whoever shows it', async () => {
    const all = await scene(both);
    const [one, other, third] = [await atCode(all), await atCode(all), await atCode(all)];
    const late = all.code(-1);
    assert.equal(told(await one.form('POST', page, { code: all.code() })), '303 /posts?id=1');
    const again = await other.form('POST', page, { code: all.code() });
    assert.equal(told(again), 'credentials-wrong');
    const wrong = await third.form('POST', page, { code: '000000' });
    assert.equal(bodyOf(again), bodyOf(wrong), 'that it was right once is said to nobody');
    assert.equal(told(await third.form('POST', page, { code: late })), 'credentials-wrong');
    assert.equal(told(await third.form('POST', page, { code: all.code(1) })), '303 /posts?id=1');
  });

  test('code replay: of two at once, one', async () => {
    const all = await scene(both);
    const visitors = await Promise.all(Array.from({ length: 4 }, (_, at) => atCode(all, `192.0.2.${at}`)));
    const answers = await Promise.all(visitors.map((visitor) => visitor.form('POST', page, { code: all.code() })));
    assert.equal(answers.filter((answer) => told(answer).startsWith('303')).length, 1);
  });

  test('one step before and one after are taken, and no more', async () => {
    for (const [steps, taken] of [
      [-2, false],
      [-1, true],
      [0, true],
      [1, true],
      [2, false],
    ] as const) {
      const all = await scene(both);
      const visitor = await atCode(all);
      assert.equal(told(await visitor.form('POST', page, { code: all.code(steps) })).startsWith('303'), taken, String(steps));
    }
  });

  test('brute force of codes: five from one network, and a right password between them gives no new ones', async () => {
    const all = await scene(both);
    let visitor = await atCode(all);
    for (let count = 0; count < 5; count += 1) {
      assert.equal(told(await visitor.form('POST', page, { code: `00000${count}` })), 'credentials-wrong');
      visitor = await atCode(all);
    }
    const waits = await visitor.form('POST', page, { code: all.code() });
    assert.deepEqual([told(waits), fieldsOf(waits, 'retry-after')], ['credentials-throttled', ['60']]);
    assert.match(bodyOf(waits), /Too many wrong attempts/);
    assert.equal(
      told(await (await atCode(all, '198.51.100.9')).form('POST', page, { code: all.code() })),
      '303 /posts?id=1',
      'the owner, elsewhere',
    );
  });

  test('brute force of codes: from many networks together fifty, and a browser that is known comes in all the same', async () => {
    const all = await scene(both);
    const owner = await atCode(all, '203.0.113.1');
    await owner.form('POST', page, { code: all.code() });
    let wrong = 0;
    for (let network = 0; network < 20; network += 1) {
      const visitor = await atCode(all, `198.51.100.${network}`);
      for (let count = 0; count < 4; count += 1) {
        if (told(await visitor.form('POST', page, { code: '000000' })) === 'credentials-wrong') wrong += 1;
      }
    }
    assert.equal(wrong, all.tools.limits.codeGuessesMax);
    assert.equal(told(await (await atCode(all, '192.0.2.99')).form('POST', page, { code: all.code(1) })), 'credentials-throttled');
    await owner.form('POST', login, rightPassword);
    assert.equal(told(await owner.form('POST', page, { code: all.code(1) })), '303 /');
    await all.tools.store.bus.publish('users.unlock', 'ana');
    all.tools.clock.now += 60_000;
    assert.equal(told(await (await atCode(all, '192.0.2.99')).form('POST', page, { code: all.code() })), '303 /posts?id=1', 'unlocked');
  });

  test('brute force of codes: a stolen device cookie gives five more guesses and no others, whatever password is shown between', async () => {
    const all = await scene(both);
    const thief = await atCode(all);
    await thief.form('POST', page, { code: all.code() });
    let wrong = 0;
    for (let count = 0; count < 20; count += 1) {
      const answer = await thief.form('POST', login, rightPassword);
      if (told(answer) === `303 ${page}` && told(await thief.form('POST', page, { code: '000000' })) === 'credentials-wrong') wrong += 1;
    }
    assert.equal(wrong, 2 * all.tools.limits.guessesPerAccountMax);
  });

  test('recovery codes open once each, however they are typed, and are kept as hashes', async () => {
    const all = await scene(both);
    const [one = '', other = ''] = all.recovery;
    assert.match(one, /^[0-9a-z]{4}(?:-[0-9a-z]{4}){3}$/);
    assert.equal(told(await (await atCode(all)).form('POST', page, { code: one })), '303 /posts?id=1');
    assert.equal(told(await (await atCode(all)).form('POST', page, { code: one })), 'credentials-wrong');
    assert.equal(
      told(await (await atCode(all)).form('POST', page, { code: ` ${other.toUpperCase().replaceAll('-', ' ')} ` })),
      '303 /posts?id=1',
    );
    assert.equal(all.tools.people.logins.codes.recoveryLeft('ana'), 8);
    const kept = JSON.stringify(await all.tools.store.records.list(''));
    for (const code of all.recovery) assert.ok(!kept.includes(code) && !kept.includes(code.replaceAll('-', '')));
  });

  test('CSRF: no page of another site sends the form, and one of another sort is no code', async () => {
    const all = await scene(both);
    const visitor = await atCode(all);
    const foreign = { fields: [['Origin', 'https://evil.example.test']] as const };
    assert.equal(told(await visitor.form('POST', page, { code: all.code() }, foreign)), 'origin-foreign');
    for (const code of ['', '12345', '1234567', '１２３４５６', 'abcdef', '0'.repeat(9_000), '\u0000', '------'])
      assert.match(told(await visitor.form('POST', page, { code })), /^credentials-(?:wrong|throttled)$/);
  });

  test('a store that is away lets nobody in', async () => {
    const all = await scene(both);
    const visitor = await atCode(all);
    await all.tools.store.close();
    assert.equal(told(await visitor.form('POST', page, { code: all.code() })), 'store-unavailable');
    assert.equal(visitor.cookies.has(sessionCookie), false);
  });
});

describe('a code alone', () => {
  test('opens a session for who says their name', async () => {
    const all = await scene([{ totp: {} }]);
    const visitor = all.visitor();
    assert.match(bodyOf(await visitor.form('GET', page)), /name="user"/);
    assert.equal(told(await visitor.form('POST', page, { user: ' ANA ', code: all.code(), to: '//evil.example' })), '303 /');
    assert.equal(who(await visitor.asks()), 'ana');
  });

  test('enumeration: nobody, somebody without codes and somebody with others are told the same', async () => {
    const all = await scene([{ totp: {} }]);
    const answers = await Promise.all(
      ['ana', 'ben', 'nobody', '', '\u0000', 'a/b'].map(async (user, at) =>
        all.visitor(`192.0.2.${at}`).form('POST', page, { user, code: '000000' }),
      ),
    );
    assert.equal(new Set(answers.map((answer) => `${told(answer)} ${bodyOf(answer)}`)).size, 1);
  });

  test('only who is listed: a right code of another opens nothing', async () => {
    const all = await scene([{ totp: { users: ['ben', 'ana'] } }]);
    assert.equal(told(await all.visitor().form('POST', page, { user: 'ana', code: all.code() })), '303 /');
    const { codes } = all.tools.people.logins;
    const secret = codes.newSecret();
    await codes.enrol('ben', secret);
    const others = await scene([{ totp: { users: ['ana'] } }]);
    await others.tools.people.logins.codes.enrol('ben', others.secret);
    assert.equal(told(await others.visitor().form('POST', page, { user: 'ben', code: others.code() })), 'credentials-wrong');
  });

  test('nobody has codes, or somebody named is missing: it refuses to start', async () => {
    for (const [said, users] of [
      [[{ totp: {} }], ['ana']],
      [[{ totp: { users: ['ana'] } }], ['ana']],
      [[{ totp: { users: ['eve'] } }], ['ana']],
      [[{ totp: {} }], []],
    ] as const)
      await assert.rejects(
        scene(said, { users, enrol: false }),
        (error) => error instanceof SallyportError && error.code === 'user-missing',
      );
  });
});
