/** Links that are counted, or bound to a path, an address or a browser: opened once, raced for, previewed, stolen. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { exchangeOf, noBody, type Asked } from '../../../test/doubles/exchange.ts';
import { anaSession } from '../../../test/doubles/sessions.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import type { BuiltGuard, FormAnswer, GuardedService } from '../../contracts/guard.ts';
import type { NewLink } from '../../controlplane/identities/link-record.ts';
import { openLinks } from '../../controlplane/identities/links.ts';
import { SallyportError } from '../../core/errors.ts';
import { limitsWith, type Limits } from '../../core/limits.ts';
import { openSqliteStore } from '../stores/sqlite.ts';
import { link } from './link.ts';

type Fields = readonly (readonly [string, string])[];
const blog: GuardedService = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const hour = 3_600_000;

async function built(wanted: Partial<NewLink>, changes: Partial<Limits> = {}) {
  const tools = await testTools([], changes);
  const { secret, link: made } = await tools.people.links.create({ service: 'blog', expires: tools.clock.now + 8 * hour, ...wanted });
  return { guard: link.build({}, tools, blog), tools, secret, id: made.id };
}

function opened(guard: BuiltGuard, secret: string, asked: Asked = {}, to?: string): Promise<FormAnswer> {
  const method = asked.method === 'POST' ? 'POST' : 'GET';
  const form = guard.forms?.find((each) => each.path === '/.sallyport/link/*' && each.method === method);
  assert.ok(form);
  const fields = new URLSearchParams(to === undefined ? {} : { to });
  return Promise.resolve(form.handle(exchangeOf({ target: `/.sallyport/link/${secret}`, ...asked }), { fields, rest: secret }));
}

const post = (guard: BuiltGuard, secret: string, asked: Asked = {}, to?: string) => opened(guard, secret, { method: 'POST', ...asked }, to);

const statusOf = (answer: FormAnswer): number | string => ('is' in answer ? (answer.answer?.status ?? answer.code) : answer.status);

const fieldsOf = (answer: FormAnswer, name: string): readonly string[] =>
  'is' in answer ? [] : answer.fields.filter(([each]) => each === name).map(([, value]) => value);

/** What a browser sends from then on. */
function cookies(...answers: readonly FormAnswer[]): Fields {
  const jar = answers.flatMap((answer) => fieldsOf(answer, 'Set-Cookie')).map((text) => text.split(';')[0] ?? '');
  return [['Cookie', jar.join('; ')]];
}

async function tried(guard: BuiltGuard, fields: Fields, more: Asked = {}): Promise<string> {
  const verdict = await guard.check(exchangeOf({ ...more, fields }), noBody);
  return verdict.is === 'pass' ? 'pass' : verdict.is === 'skip' ? 'skip' : verdict.code;
}

const left = (tools: TestTools, id: string): number | undefined => tools.links.byId(id)?.uses?.left;

describe('a counted link', () => {
  test('opens as often as it says: a page asks, its form opens, and then it is used up', async () => {
    const { guard, tools, secret, id } = await built({ uses: 2 });
    const asked = await opened(guard, secret);
    assert.ok(!('is' in asked));
    assert.equal(asked.status, 200);
    assert.match(String(asked.body), /<form method="post">[\s\S]*2 times more|2 times more[\s\S]*<form method="post">/);
    assert.deepEqual([statusOf(await post(guard, secret)), left(tools, id)], [303, 1]);
    assert.match(String(((await opened(guard, secret)) as { body?: unknown }).body), /once more/);
    const second = await post(guard, secret);
    assert.deepEqual([statusOf(second), left(tools, id)], [303, 0]);
    assert.deepEqual([statusOf(await post(guard, secret)), statusOf(await opened(guard, secret))], [403, 403]);
    assert.equal(await tried(guard, cookies(second)), 'pass', 'the session that it opened stands');
  });

  test('preview spends link: GET and HEAD of scanners and chats, however often, open nothing and spend nothing', async () => {
    const { guard, tools, secret, id } = await built({ uses: 1 });
    for (let time = 0; time < 20; time += 1) {
      const asked = await opened(guard, secret, { fields: [['User-Agent', 'Slackbot-LinkExpanding 1.0']] });
      assert.equal(statusOf(asked), 200);
      assert.ok(
        fieldsOf(asked, 'Set-Cookie').every((text) => text.startsWith('__Host-sallyport-link-')),
        'no session',
      );
      assert.equal(statusOf(await opened(guard, secret, { method: 'HEAD' })), 'credentials-missing');
    }
    assert.deepEqual([left(tools, id), tools.people.sessions.list().length], [1, 0]);
  });

  test('the secret stands in no page, and no Referer of its form holds it', async () => {
    const { guard, secret } = await built({ uses: 1 });
    const asked = await opened(guard, secret);
    assert.ok(!JSON.stringify(asked).includes(secret));
    assert.deepEqual(fieldsOf(asked, 'Referrer-Policy'), ['strict-origin']);
    assert.match(fieldsOf(asked, 'Content-Security-Policy')[0] ?? '', /form-action 'self'/);
    const entered = await post(guard, secret);
    assert.deepEqual([fieldsOf(entered, 'Referrer-Policy'), fieldsOf(entered, 'Location')], [['no-referrer'], ['/']]);
    assert.ok(!JSON.stringify(entered).includes(secret));
  });

  test('race on a one-time link: of 1,000 at once exactly one comes in', async () => {
    const { guard, tools, secret, id } = await built({ uses: 1 });
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => post(guard, secret)));
    assert.equal(answers.filter((answer) => statusOf(answer) === 303).length, 1);
    assert.deepEqual([left(tools, id), tools.people.sessions.list().length], [0, 1]);
  });

  test('race on a one-time link: two gateways over one store in a file, 200 at once each, one comes in', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-link-'));
    context.after(() => rm(folder, { recursive: true, force: true }));
    const limits = limitsWith({});
    const processes = await Promise.all(
      ['one', 'other'].map(async () => {
        const store = await openSqliteStore({ path: join(folder, 'store'), now: Date.now });
        context.after(() => store.close());
        const links = await openLinks({ records: store.records, now: Date.now, randomBytes, limits, endSessions: async () => 0 });
        context.after(() => links.close());
        return links;
      }),
    );
    const [one, other] = processes;
    assert.ok(one && other);
    const uses = 3;
    const { link: made } = await one.create({ service: 'blog', expires: null, uses });
    while (other.byId(made.id) === null) await new Promise((resolve) => setTimeout(resolve, 20));
    const spent = await Promise.all(processes.flatMap((each) => Array.from({ length: 200 }, () => each.spend(made.id, null))));
    assert.equal(spent.filter((each) => each !== null).length, uses);
  });

  test('more openings at once than wait are refused, and spend nothing', async () => {
    const { guard, tools, secret, id } = await built({ uses: 100 }, { linkSpendsMax: 3 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(guard, secret)));
    assert.deepEqual(
      answers.map((answer) => String(statusOf(answer))).toSorted((one, other) => one.localeCompare(other)),
      ['303', '303', '303', ...Array.from({ length: 7 }, () => '429')],
    );
    assert.equal(left(tools, id), 97);
    assert.equal(statusOf(await post(guard, secret)), 303);
  });

  test('whoever is in already spends nothing: not by a second click, not by being signed in with more than a link', async () => {
    const { guard, tools, secret, id } = await built({ uses: 2 });
    const first = await post(guard, secret);
    const fields = cookies(first);
    for (const method of ['GET', 'POST'] as const) {
      const again = await opened(guard, secret, { method, fields });
      assert.deepEqual([statusOf(again), fieldsOf(again, 'Set-Cookie')], [303, []]);
    }
    const { token } = await tools.sessions.open({ ...anaSession, expires: tools.clock.now + hour });
    assert.equal(statusOf(await post(guard, secret, { fields: [['Cookie', `__Host-sallyport-session=${token}`]] })), 303);
    assert.equal(left(tools, id), 1);
  });

  test('a button that is pressed twice is one use, and so is an answer that was lost; for a minute, in that browser alone', async () => {
    const { guard, tools, secret, id } = await built({ uses: 1 });
    const mark = cookies(await opened(guard, secret));
    const both = await Promise.all([post(guard, secret, { fields: mark }), post(guard, secret, { fields: mark })]);
    assert.deepEqual(both.map(statusOf), [303, 303]);
    assert.equal(left(tools, id), 0);
    const stranger: Fields = [['Cookie', `__Host-sallyport-link-${id}=${'A'.repeat(43)}`]];
    assert.deepEqual([statusOf(await post(guard, secret)), statusOf(await post(guard, secret, { fields: stranger }))], [403, 403]);
    tools.clock.now += 60_000;
    assert.equal(statusOf(await post(guard, secret, { fields: mark })), 403);
    assert.equal(await tried(guard, cookies(both[1] ?? both[0])), 'pass');
  });

  test('a program that shows it with each request comes in by no request', async () => {
    const { guard, tools, secret, id } = await built({ uses: 5 });
    assert.equal(await tried(guard, [['Sallyport-Authorization', `Link ${secret}`]]), 'credentials-wrong');
    assert.equal(left(tools, id), 5);
  });

  test('over plain HTTP nothing is spent', async () => {
    const { guard, tools, secret, id } = await built({ uses: 1 });
    assert.equal(statusOf(await post(guard, secret, { scheme: 'http' })), 403);
    assert.equal(left(tools, id), 1);
  });

  test('revoked while it is opened, it opens nothing', async () => {
    const { guard, tools, secret, id } = await built({ uses: 3 });
    await post(guard, secret);
    const revoked = tools.people.links.revoke(id);
    const late = post(guard, secret);
    await revoked;
    assert.notEqual(statusOf(await late), 303);
    assert.equal(statusOf(await post(guard, secret)), 'credentials-wrong');
  });

  test('a store that is away lets nobody in', async () => {
    const { tools, secret } = await built({ uses: 1 });
    const away = () => Promise.reject(new SallyportError('store-unavailable', 'The store is away.'));
    const guard = link.build({}, { ...tools, links: { ...tools.links, spend: away } }, blog);
    const answer = await post(guard, secret);
    assert.ok('is' in answer && answer.code === 'store-unavailable');
    assert.deepEqual(tools.people.sessions.list(), []);
  });
});

describe('a link that is bound', () => {
  test('link of another service: its form opens nothing there', async () => {
    const { tools, secret, id } = await built({ uses: 1 });
    const photos = link.build({}, tools, { ...blog, name: 'photos' });
    assert.equal(statusOf(await post(photos, secret)), 'credentials-wrong');
    assert.equal(left(tools, id), 1);
  });

  test('to a path opens it and what lies below, in every reading, and leads nowhere else', async () => {
    const { guard, secret } = await built({ path: '/photos/2026/' });
    const entered = await opened(guard, secret);
    assert.deepEqual(fieldsOf(entered, 'Location'), ['/photos/2026']);
    assert.deepEqual(fieldsOf(await opened(guard, secret, {}, '/photos/2026/a?b=c'), 'Location'), ['/photos/2026/a?b=c']);
    assert.deepEqual(fieldsOf(await opened(guard, secret, {}, '/admin'), 'Location'), ['/photos/2026']);
    const shown = cookies(entered);
    for (const target of ['/photos/2026', '/photos/2026/', '/photos/2026/may/1.jpg?w=2'])
      assert.equal(await tried(guard, shown, { target }), 'pass', target);
    const outside = [
      '/',
      '/photos',
      '/photos/20261',
      '/photos/2026/../2025',
      '/photos/2026/%2e%2e/x',
      '/photos/2026/..%2f..%2fadmin',
      '/photos%2f2026/x',
      '//photos/2026',
      '/photos/2026/..;/x',
      '/PHOTOS/2026',
    ];
    for (const target of outside) assert.equal(await tried(guard, shown, { target }), 'credentials-wrong', target);
    const header: Fields = [['Sallyport-Authorization', `Link ${secret}`]];
    assert.equal(await tried(guard, header, { target: '/photos/2026/x' }), 'pass');
    assert.equal(await tried(guard, header, { target: '/x' }), 'credentials-wrong');
  });

  test('to addresses opens from them alone, and its session goes with them nowhere else', async () => {
    const { guard, tools, secret, id } = await built({ from: ['192.0.2.0/24', '2001:db8::/32'], uses: 2 });
    for (const from of ['198.51.100.1', '::1', 'nonsense'])
      assert.equal(statusOf(await post(guard, secret, { from })), 'credentials-wrong', from);
    assert.equal(left(tools, id), 2);
    const shown = cookies(await post(guard, secret, { from: '192.0.2.7' }));
    assert.equal(await tried(guard, shown, { from: '192.0.2.9' }), 'pass');
    assert.equal(await tried(guard, shown, { from: '::ffff:192.0.2.9' }), 'pass');
    assert.equal(await tried(guard, shown, { from: '198.51.100.1' }), 'credentials-wrong');
  });

  test('to the first browser: it opens there again and again, and nowhere else', async () => {
    const { guard, tools, secret, id } = await built({ firstBrowser: true });
    assert.equal(statusOf(await opened(guard, secret)), 200, 'a preview does not become the first browser');
    const first = await post(guard, secret);
    assert.equal(tools.links.byId(id)?.browser, 'taken');
    const mark = fieldsOf(first, 'Set-Cookie').find((text) => text.startsWith('__Host-sallyport-link-'));
    assert.match(
      mark ?? '',
      new RegExp(`^__Host-sallyport-link-${id}=[A-Za-z0-9_-]{43}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=28800$`),
    );
    // Another browser, and one that makes a mark up.
    for (const fields of [[], [['Cookie', `__Host-sallyport-link-${id}=${'A'.repeat(43)}`]]] as const) {
      assert.equal(statusOf(await opened(guard, secret, { fields })), 403);
      assert.equal(statusOf(await post(guard, secret, { fields })), 403);
    }
    const own: Fields = [['Cookie', (mark ?? '').split(';')[0] ?? '']];
    const again = await opened(guard, secret, { fields: own });
    assert.equal(statusOf(again), 303, 'after its session it opens in its own browser without a page');
    assert.equal(await tried(guard, cookies(again)), 'pass');
    assert.equal(await tried(guard, [['Sallyport-Authorization', `Link ${secret}`]]), 'credentials-wrong');
    // Cookie tossing: two marks are none.
    assert.equal(statusOf(await opened(guard, secret, { fields: [...own, ...own] })), 403);
  });

  test('to the first browser: of a hundred browsers at once one has it', async () => {
    const { guard, secret } = await built({ firstBrowser: true, uses: 50 });
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(guard, secret)));
    assert.equal(answers.filter((answer) => statusOf(answer) === 303).length, 1);
  });

  test('bounds that are none are refused when the link is made, and records that cannot be read are no link', async () => {
    const { tools } = await built({});
    const wrong: readonly Partial<NewLink>[] = [
      { uses: 0 },
      { uses: 1.5 },
      { uses: 1e9 },
      { path: 'photos' },
      { path: '/a/../b' },
      { path: '/a/*' },
      { path: '/.sallyport/login' },
      { path: '/%2e%2e/x' },
      { from: ['nonsense'] },
      { from: Array.from({ length: 33 }, () => '192.0.2.1') },
    ];
    for (const each of wrong)
      await assert.rejects(
        tools.people.links.create({ service: 'blog', expires: null, ...each }),
        (error) => error instanceof SallyportError && error.code === 'usage-wrong',
        JSON.stringify(each),
      );
    const { link: made } = await tools.people.links.create({ service: 'blog', expires: null, from: ['192.0.2.1'] });
    const entry = await tools.store.records.get(`links/${made.id}`);
    assert.ok(entry !== null);
    const before = JSON.parse(JSON.stringify(entry.value)) as Record<string, string>;
    await tools.store.records.put(`links/${made.id}`, { ...before, from: ['nonsense'] });
    assert.equal(tools.links.byId(made.id), null);
  });
});
