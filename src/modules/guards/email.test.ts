/** Codes by mail: asked for, guessed at, raced for, bombed with, and never told apart. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, noBody, rawExchange, type Asked } from '../../../test/doubles/exchange.ts';
import { tried, type Fields } from '../../../test/doubles/tried.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import type { BuiltGuard, FormAnswer, GuardedService } from '../../contracts/guard.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { mailAddress } from '../../core/policy/mail-address.ts';
import { email } from './email.ts';

const blog: GuardedService = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const many: Partial<Limits> = { guessesPerAccountMax: 1e4, guessesPerAddressMax: 1e4, mailsPerAddressMax: 1e4, mailsPerMinuteMax: 1e4 };

async function built(changes: Partial<Limits> = {}, allow: readonly string[] = ['ana@example.org', '*@example.net']) {
  const tools = await testTools([], changes);
  return { guard: email.build(email.options.parse({ allow, roles: ['guest'] }), tools, blog), tools };
}

async function sent(guard: BuiltGuard, path: string, fields: Readonly<Record<string, string>>, asked: Asked = {}): Promise<FormAnswer> {
  const form = guard.forms?.find((each) => each.path === path && each.method === 'POST');
  assert.ok(form);
  return form.handle(exchangeOf({ method: 'POST', target: path, ...asked }), { fields: new URLSearchParams(fields), rest: '' });
}

const ask = (guard: BuiltGuard, address: string, asked: Asked = {}) =>
  sent(guard, '/.sallyport/email', { email: address, to: '/photos' }, asked);
const show = (guard: BuiltGuard, code: string, fields: Fields, asked: Asked = {}) =>
  sent(guard, '/.sallyport/mailcode', { code, to: '/photos' }, { ...asked, fields });

const statusOf = (answer: FormAnswer): number | string => ('is' in answer ? (answer.answer?.status ?? answer.code) : answer.status);
const fieldsOf = (answer: FormAnswer, name: string): readonly string[] =>
  ('is' in answer ? (answer.answer?.fields ?? []) : answer.fields).filter(([each]) => each === name).map(([, value]) => value);

/** The cookies that an answer sets, without those that it ends. */
function cookiesOf(answer: FormAnswer): Fields {
  return fieldsOf(answer, 'Set-Cookie')
    .filter((text) => !text.includes('Max-Age=0'))
    .map((text) => ['Cookie', text.split(';')[0] ?? '']);
}

function codeIn(tools: TestTools): string {
  const code = /\d{4} \d{4}/.exec(tools.letters.at(-1)?.text ?? '')?.[0];
  assert.ok(code);
  return code;
}

/** What an answer looks like, without what is drawn by chance. */
function shapeOf(answer: FormAnswer): string {
  const text = JSON.stringify('is' in answer ? answer.answer : answer).replaceAll(/__Host-sallyport-mail=[A-Za-z0-9_-]{43}/g, 'COOKIE');
  return `${statusOf(answer)} ${text}`;
}

describe('email', () => {
  test('a code comes by mail, opens a session of that address, and does so once', async () => {
    const { guard, tools } = await built();
    const asked = await ask(guard, ' Ana@Example.ORG ');
    assert.deepEqual([statusOf(asked), fieldsOf(asked, 'Location')], [303, ['/.sallyport/mailcode?to=%2Fphotos']]);
    const [letter] = tools.letters;
    assert.equal(letter?.to, 'ana@example.org');
    assert.match(letter?.subject ?? '', /blog/);
    assert.doesNotMatch(`${letter?.subject}\n${letter?.text}`, /https?:|www\.|example\.test|<|href/, 'no link that could be another one');
    const browser = cookiesOf(asked);
    const entered = await show(guard, codeIn(tools).replace(' ', '-'), browser);
    assert.deepEqual([statusOf(entered), fieldsOf(entered, 'Location')], [303, ['/photos']]);
    const session = cookiesOf(entered).slice(0, 1);
    assert.equal(await tried(guard, session), 'pass as email:ana@example.org guest');
    assert.equal(statusOf(await show(guard, codeIn(tools), browser)), 401, 'a code that was used');
    assert.equal(await tried(guard, []), 'credentials-missing');
  });

  test('the letter is in the language of who asks', async () => {
    const { guard, tools } = await built();
    await ask(guard, 'ana@example.org', { fields: [['Accept-Language', 'de']] });
    assert.match(tools.letters[0]?.text ?? '', /Der Code ist \d{4} \d{4}/);
  });

  test('only addresses of the list get one, and only whole domains that stand there', async () => {
    const { guard, tools } = await built(many);
    for (const address of ['ben@example.net', 'ana+x@example.net']) await ask(guard, address);
    const others = [
      'ben@example.org',
      'x@sub.example.net',
      'x@example.net.evil.example',
      'ana@example.org.evil.example',
      '*@example.net',
      'xana@example.org',
    ];
    for (const address of others) assert.ok([303, 401].includes(Number(statusOf(await ask(guard, address)))), address);
    assert.deepEqual(
      tools.letters.map(({ to }) => to),
      ['ben@example.net', 'ana+x@example.net'],
    );
    assert.deepEqual([guard.knows?.('email:ben@example.net'), guard.knows?.('email:ben@example.org')], [true, false]);
  });

  test('enumeration: by status, fields, size and what is done an address that is not on the list is like one that is', async () => {
    const { guard, tools } = await built();
    const [listed, other] = [await ask(guard, 'ana@example.org'), await ask(guard, 'eva@example.org')];
    assert.equal(shapeOf(listed), shapeOf(other));
    assert.equal((await tools.store.records.list('mail-codes/')).length, 2, 'both are kept');
    // And so are their wrong codes, one after the other, until the code is over and beyond.
    const [one, two] = [cookiesOf(listed), cookiesOf(other)];
    const { guard: patient, tools: wide } = await built(many);
    const [first, second] = [cookiesOf(await ask(patient, 'ana@example.org')), cookiesOf(await ask(patient, 'eva@example.org'))];
    for (let guess = 0; guess < 8; guess += 1) {
      assert.equal(shapeOf(await show(patient, `0000000${guess}`, first)), shapeOf(await show(patient, `0000000${guess}`, second)));
    }
    assert.equal(statusOf(await show(patient, codeIn(wide), first)), 401, 'five wrong ones end a code');
    assert.notDeepEqual(one, two);
    // Waits begin alike.
    const { guard: short } = await built();
    const [some, none] = [[] as unknown[], [] as unknown[]];
    for (let time = 0; time < 7; time += 1) {
      some.push(statusOf(await ask(short, 'ana@example.org', { from: '192.0.2.1' })));
      none.push(statusOf(await ask(short, 'eva@example.org', { from: '198.51.100.1' })));
    }
    assert.deepEqual(some, none);
    assert.ok(some.includes(429));
  });

  test('enumeration: by time; the letter is made in both cases, and sent in another turn', async () => {
    const { guard, tools } = await built(many);
    const away = { ...tools, mail: { send: () => assert.fail('nobody may be sent anything') } };
    const closed = email.build(email.options.parse({ allow: ['ana@example.org'] }), away, blog);
    assert.equal(statusOf(await ask(closed, 'eva@example.org')), 303);
    assert.equal(statusOf(await ask(guard, 'ana@example.org')), 303);
    const full = email.build(email.options.parse({ allow: ['ana@example.org'] }), { ...tools, mail: { send: () => false } }, blog);
    assert.equal(
      shapeOf(await ask(full, 'ana@example.org')),
      shapeOf(await ask(full, 'eva@example.org')),
      'a queue that is full tells nothing',
    );
  });

  test('mail bombing: ten mails an hour to one address from everywhere, three households or three hundred', async () => {
    const { guard, tools } = await built();
    const statuses: (number | string)[] = [];
    for (let from = 0; from < 30; from += 1) statuses.push(statusOf(await ask(guard, 'ana@example.org', { from: `198.51.${from}.1` })));
    assert.equal(tools.letters.length, 10);
    assert.deepEqual([...new Set(statuses.slice(10))], [429]);
    assert.equal(statusOf(await ask(guard, 'ben@example.net', { from: '198.51.99.1' })), 303, 'others are not kept out');
    tools.clock.now += 3_600_000;
    assert.equal(statusOf(await ask(guard, 'ana@example.org', { from: '198.51.100.1' })), 303);
  });

  test('mail bombing: whoever came in by that browser before is not kept out by it', async () => {
    const { guard, tools } = await built();
    const entered = await show(guard, codeIn((await ask(guard, 'ana@example.org'), tools)), cookiesOf(await again(guard)), {});
    assert.equal(statusOf(entered), 401, 'the code of another browser');
    const browser = cookiesOf(await again(guard));
    const known = cookiesOf(await show(guard, codeIn(tools), browser)).filter(([, text]) => text.includes('device'));
    assert.equal(known.length, 1);
    for (let from = 0; from < 30; from += 1) await ask(guard, 'ana@example.org', { from: `198.51.${from}.1` });
    assert.equal(statusOf(await ask(guard, 'ana@example.org', { from: '198.51.77.1' })), 429);
    assert.equal(statusOf(await ask(guard, 'ana@example.org', { from: '198.51.77.1', fields: known })), 303);
  });

  test('mail bombing: one network asks for few, and all together for sixty a minute', async () => {
    const { guard, tools } = await built({ guessesPerAddressMax: 8 });
    for (let each = 0; each < 20; each += 1) await ask(guard, `u${each}@example.net`);
    assert.equal(tools.letters.length, 8);
    const { guard: busy, tools: all } = await built();
    for (let each = 0; each < 100; each += 1) await ask(busy, `u${each}@example.net`, { from: `198.51.${each}.1` });
    assert.equal(all.letters.length, 60);
    assert.equal((await all.store.records.list('mail-codes/')).length, 60);
  });

  test('header injection: what is no plain address goes nowhere', async () => {
    const { guard, tools } = await built(many, ['*@example.net']);
    const hostile = [
      'a@example.net\r\nBcc: eve@evil.example',
      'a@example.net\nBcc: eve@evil.example',
      'a@example.net\u0000',
      'a@example.net, eve@evil.example',
      'a@example.net; eve@evil.example',
      'a@example.net eve@evil.example',
      '<a@example.net>',
      'Eve <eve@evil.example>@example.net',
      '"eve@evil.example"@example.net',
      '"a\\"b"@example.net',
      'a(comment)@example.net',
      'eve%evil.example@[127.0.0.1]',
      '@evil.example:a@example.net',
      'a@b@example.net',
      'a..b@example.net',
      '.a@example.net',
      `${'a'.repeat(65)}@example.net`,
      `a@${'x.'.repeat(130)}example.net`,
      'ä@example.net',
      'a@exämple.net',
      'a@example',
      '',
      '@',
    ];
    for (const text of hostile) {
      assert.equal(mailAddress(text), null, JSON.stringify(text));
      const answer = await ask(guard, text);
      assert.equal(statusOf(answer), 401, JSON.stringify(text));
      assert.ok(!JSON.stringify(answer).includes('evil'));
    }
    assert.deepEqual(tools.letters, []);
  });

  test('code guessing: five guesses at a code, counted before they are looked at, however many come at once', async () => {
    const { guard, tools } = await built(many);
    const browser = cookiesOf(await ask(guard, 'ana@example.org'));
    const right = codeIn(tools);
    const wrong = await Promise.all(Array.from({ length: 50 }, (_, at) => show(guard, String(10_000_000 + at), browser)));
    assert.deepEqual([...new Set(wrong.map(statusOf))], [401]);
    assert.equal(statusOf(await show(guard, right, browser)), 401, 'the right one comes too late');
  });

  test('one-time races: of five who show the right code at once, all counted before one is taken, one comes in', async () => {
    const { tools } = await built(many);
    const all = Promise.withResolvers<void>();
    let counted = 0;
    const { records } = tools.store;
    const store: typeof tools.store = {
      ...tools.store,
      records: {
        get: (key) => records.get(key),
        list: (prefix) => records.list(prefix),
        watch: (prefix, listener) => records.watch(prefix, listener),
        put: async (key, value, options) => {
          const entry = await records.put(key, value, options);
          if (key.startsWith('mail-codes/') && (counted += 1) === 6) all.resolve();
          return entry;
        },
        delete: async (key, options) => {
          await all.promise;
          return records.delete(key, options);
        },
      },
    };
    const guard = email.build(email.options.parse({ allow: ['ana@example.org'] }), { ...tools, store }, blog);
    const browser = cookiesOf(await ask(guard, 'ana@example.org'));
    const answers = await Promise.all(Array.from({ length: 5 }, () => show(guard, codeIn(tools), browser)));
    assert.deepEqual([counted, answers.filter((answer) => statusOf(answer) === 303).length], [6, 1]);
  });

  test('code guessing: a network that guesses waits', async () => {
    const { guard, tools } = await built();
    const browser = cookiesOf(await ask(guard, 'ana@example.org'));
    const statuses: (number | string)[] = [];
    for (let guess = 0; guess < 6; guess += 1) statuses.push(statusOf(await show(guard, `0000000${guess}`, browser)));
    assert.ok(statuses.includes(429));
    assert.equal(statusOf(await show(guard, codeIn(tools), browser)), 429);
  });

  test('a code is good for ten minutes, at its host and service, in the browser that asked', async () => {
    const { guard, tools } = await built(many);
    const browser = cookiesOf(await ask(guard, 'ana@example.org'));
    const code = codeIn(tools);
    const other = cookiesOf(await ask(guard, 'eva@example.org'));
    assert.equal(statusOf(await show(guard, code, [])), 401, 'no browser');
    assert.equal(statusOf(await show(guard, code, other)), 401, 'another browser');
    assert.equal(statusOf(await show(guard, code, [...browser, ...other])), 401, 'cookie tossing: two are none');
    assert.equal(statusOf(await show(guard, code, browser, { scheme: 'http' })), 'credentials-missing');
    tools.clock.now += 600_000;
    assert.equal(statusOf(await show(guard, code, browser)), 401, 'too late');
    const fresh = cookiesOf(await ask(guard, 'ana@example.org'));
    const next = codeIn(tools);
    const photos = email.build(email.options.parse({ allow: ['ana@example.org'] }), tools, { ...blog, name: 'photos' });
    assert.equal(statusOf(await show(photos, next, fresh)), 401, 'another service');
    assert.equal(statusOf(await show(guard, next, fresh, { host: 'other.example.test' })), 401, 'another host');
    assert.equal(statusOf(await show(guard, next, fresh)), 303);
  });

  test('who is taken off the list is out at once, and so is who signs out', async () => {
    const { guard, tools } = await built(many);
    const session = cookiesOf(await show(guard, codeIn((await ask(guard, 'ben@example.net'), tools)), [])).slice(0, 1);
    assert.deepEqual(session, []);
    const browser = cookiesOf(await ask(guard, 'ben@example.net'));
    const entered = cookiesOf(await show(guard, codeIn(tools), browser)).slice(0, 1);
    assert.equal(await tried(guard, entered), 'pass as email:ben@example.net guest');
    const narrower = email.build(email.options.parse({ allow: ['ana@example.org'] }), tools, blog);
    assert.equal(await tried(narrower, entered), 'credentials-expired');
    assert.equal(await tried(guard, [...entered, ['Origin', 'https://evil.example']], { method: 'POST' }), 'origin-foreign');
    assert.deepEqual(await guard.check(rawExchange(), noBody), { is: 'skip' });
    await tools.people.sessions.revokeSubject('email:ben@example.net');
    assert.equal(await tried(guard, entered), 'credentials-expired');
  });

  test('without a way to send mail the service does not start, and a store that is away lets nobody in', async () => {
    const { tools } = await built();
    assert.throws(
      () => email.build(email.options.parse({ allow: ['ana@example.org'] }), { ...tools, mail: null }, blog),
      (error) => error instanceof SallyportError && error.code === 'config-malformed',
    );
    const broken = (): Promise<never> => Promise.reject(new SallyportError('store-unavailable', 'away'));
    const store = { ...tools.store, records: { ...tools.store.records, put: broken, get: broken } };
    const guard = email.build(email.options.parse({ allow: ['ana@example.org'] }), { ...tools, store }, blog);
    for (const answer of [
      await ask(guard, 'ana@example.org'),
      await show(guard, '12345678', [['Cookie', `__Host-sallyport-mail=${'A'.repeat(43)}`]]),
    ])
      assert.ok('is' in answer && answer.code === 'store-unavailable');
    assert.deepEqual(tools.letters, []);
  });
});

function again(guard: BuiltGuard): Promise<FormAnswer> {
  return ask(guard, 'ana@example.org');
}
