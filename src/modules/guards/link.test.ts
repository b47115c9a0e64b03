/** Secret links: opened, ended, revoked and abused. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { basicOf, exchangeOf, noBody, rawExchange, type Asked } from '../../../test/doubles/exchange.ts';
import { anaSession } from '../../../test/doubles/sessions.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import type { BuiltGuard, FormAnswer, GuardedService } from '../../contracts/guard.ts';
import { sessionCookie } from '../../core/policy/session-cookie.ts';
import { link } from './link.ts';

type Fields = readonly (readonly [string, string])[];
const blog: GuardedService = { name: 'blog', hosts: ['blog.example.test'], behindRelay: true };
const hour = 3_600_000;

async function built(
  expiresIn: number | null = 8 * hour,
): Promise<Readonly<{ guard: BuiltGuard; tools: TestTools; secret: string; id: string }>> {
  const tools = await testTools([]);
  const { secret, link: made } = await tools.people.links.create({
    service: 'blog',
    expires: expiresIn === null ? null : tools.clock.now + expiresIn,
  });
  return { guard: link.build({}, tools, blog), tools, secret, id: made.id };
}

async function tried(guard: BuiltGuard, fields: Fields, more: Asked = {}): Promise<string> {
  const verdict = await guard.check(exchangeOf({ ...more, fields }), noBody);
  return verdict.is === 'pass'
    ? `pass by ${verdict.identity?.by} spends ${(verdict.spent ?? []).join()}`
    : verdict.is === 'skip'
      ? 'skip'
      : verdict.code;
}

async function open(guard: BuiltGuard, secret: string, asked: Asked = {}, query = ''): Promise<FormAnswer> {
  const form = guard.forms?.find((each) => each.path === '/.sallyport/link/*');
  assert.ok(form);
  return form.handle(exchangeOf({ target: `/.sallyport/link/${secret}${query}`, ...asked }), {
    fields: new URLSearchParams(query),
    rest: secret,
  });
}

const fieldOf = (answer: FormAnswer, name: string): string | undefined =>
  'is' in answer ? undefined : answer.fields.find(([each]) => each === name)?.[1];

async function visited(guard: BuiltGuard, secret: string): Promise<readonly [string, string]> {
  const cookie = fieldOf(await open(guard, secret), 'Set-Cookie')?.split(';')[0];
  assert.ok(cookie);
  return ['Cookie', cookie];
}

describe('link', () => {
  test('opens a session and leads to the clean path, kept by no cache and told to no other site', async () => {
    const { guard, secret } = await built();
    const answer = await open(guard, secret);
    assert.ok(!('is' in answer));
    assert.equal(answer.status, 303);
    assert.equal(fieldOf(answer, 'Location'), '/');
    assert.equal(fieldOf(answer, 'Cache-Control'), 'no-store');
    assert.equal(fieldOf(answer, 'Referrer-Policy'), 'no-referrer');
    assert.match(
      fieldOf(answer, 'Set-Cookie') ?? '',
      /^__Host-sallyport-session=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=28800$/,
    );
    assert.ok(!JSON.stringify(answer).includes(secret));
  });

  test('its session lets in, and leaves Authorization to the service', async () => {
    const { guard, secret } = await built();
    const cookie = await visited(guard, secret);
    assert.equal(await tried(guard, [cookie, ['Authorization', basicOf('pyds', 'its own')]]), 'pass by session spends ');
  });

  test('may be opened again and again, with a new session each time (fixation), until it ends', async () => {
    const { guard, secret, tools } = await built();
    const [first, second] = [await visited(guard, secret), await visited(guard, secret)];
    assert.notEqual(first[1], second[1]);
    assert.match(await tried(guard, [first]), /^pass/);
    assert.match(await tried(guard, [second]), /^pass/);
    tools.clock.now += 8 * hour;
    const late = await open(guard, secret);
    assert.ok('is' in late && late.code === 'credentials-wrong' && late.answer === null);
  });

  test('the session ends with the link, at the latest', async () => {
    const { guard, secret, tools } = await built(hour);
    const cookie = await visited(guard, secret);
    tools.clock.now += hour - 1;
    assert.match(await tried(guard, [cookie]), /^pass/);
    tools.clock.now += 1;
    assert.equal(await tried(guard, [cookie]), 'credentials-expired');
  });

  test('a link without an end gives sessions that have one', async () => {
    const { guard, secret } = await built(null);
    assert.match(fieldOf(await open(guard, secret), 'Set-Cookie') ?? '', /Max-Age=43200$/);
  });

  test('revoked, it takes its sessions with it at once', async () => {
    const { guard, secret, tools, id } = await built();
    const cookie = await visited(guard, secret);
    await tools.people.links.revoke(id);
    assert.equal(await tried(guard, [cookie]), 'credentials-expired');
    assert.equal(await tried(guard, [['Sallyport-Authorization', `Link ${secret}`]]), 'credentials-wrong');
    assert.equal(guard.knows?.(`link:${id}`), false);
  });

  test('revoked where the session still stands, it lets nobody in', async () => {
    const { guard, secret, tools, id } = await built();
    const cookie = await visited(guard, secret);
    const gone = { ...tools, links: { ...tools.links, byId: () => null } };
    assert.equal(await tried(link.build({}, gone, blog), [cookie]), 'credentials-expired');
    const moved = {
      ...tools,
      links: { ...tools.links, byId: () => ({ id, service: 'photos', createdAt: 0, expires: null, label: null }) },
    };
    assert.equal(await tried(link.build({}, moved, blog), [cookie]), 'credentials-expired');
  });

  test('session and link bound to their service: they open no other', async () => {
    const { guard, secret, tools } = await built();
    const cookie = await visited(guard, secret);
    const other = link.build({}, tools, { ...blog, name: 'photos' });
    assert.equal(await tried(other, [cookie]), 'credentials-expired');
    assert.equal(await tried(other, [['Sallyport-Authorization', `Link ${secret}`]]), 'credentials-wrong');
    const answer = await open(other, secret);
    assert.ok('is' in answer);
  });

  test('scripts send the secret in a field, which is spent', async () => {
    const { guard, secret } = await built();
    assert.equal(await tried(guard, [['Sallyport-Authorization', `Link ${secret}`]]), 'pass by header spends sallyport-authorization');
    assert.equal(
      await tried(guard, [['Sallyport-Authorization', `Link ${secret}`]], { scheme: 'http' }),
      'pass by header spends sallyport-authorization',
    );
    for (const value of [
      'Link',
      'Link ',
      `Link ${secret}x`,
      `Link ${secret.slice(0, -1)}`,
      'Link __proto__',
      `Link ${secret}, Link ${secret}`,
    ])
      assert.notEqual((await tried(guard, [['Sallyport-Authorization', value]])).slice(0, 4), 'pass', value);
    assert.equal(
      await tried(guard, [
        ['Sallyport-Authorization', `Link ${secret}`],
        ['Sallyport-Authorization', 'Link x'],
      ]),
      'credentials-wrong',
    );
    assert.equal(await tried(guard, [['Authorization', `Link ${secret}`]]), 'credentials-missing');
  });

  test('enumeration: a wrong secret gets the uniform face', async () => {
    const { guard } = await built();
    for (const secret of ['x', 'A'.repeat(32), '..', '%2e%2e', '__proto__', 'a'.repeat(10_000)]) {
      const answer = await open(guard, secret);
      assert.ok('is' in answer && answer.answer === null, secret);
      assert.ok(!answer.why.includes(secret));
    }
  });

  test('HEAD changes nothing', async () => {
    const { guard, secret, tools } = await built();
    const answer = await open(guard, secret, { method: 'HEAD' });
    assert.ok('is' in answer && answer.answer === null);
    assert.equal(tools.people.sessions.list().length, 0);
  });

  test('over plain HTTP it sets no cookie and says so', async () => {
    const { guard, secret } = await built();
    const answer = await open(guard, secret, { scheme: 'http' });
    assert.ok(!('is' in answer));
    assert.equal(answer.status, 403);
    assert.equal(fieldOf(answer, 'Set-Cookie'), undefined);
    assert.match(String(answer.body), /https:/);
    const wrong = await open(guard, 'A'.repeat(32), { scheme: 'http' });
    assert.ok('is' in wrong && wrong.answer === null);
  });

  test('open redirect: leads to a local path only', async () => {
    const { guard, secret } = await built();
    assert.equal(fieldOf(await open(guard, secret, {}, '?to=/photos'), 'Location'), '/photos');
    for (const to of ['//evil.example', 'https://evil.example', '/\\evil', '/a%0d%0aX: y'])
      assert.equal(fieldOf(await open(guard, secret, {}, `?to=${encodeURIComponent(to)}`), 'Location'), '/', to);
  });

  test('who signed in with a password stays who they are', async () => {
    const { guard, secret, tools } = await built();
    const { token } = await tools.sessions.open({ ...anaSession, expires: tools.clock.now + hour });
    const answer = await open(guard, secret, { fields: [['Cookie', `${sessionCookie}=${token}`]] });
    assert.equal(fieldOf(answer, 'Location'), '/');
    assert.equal(fieldOf(answer, 'Set-Cookie'), undefined);
    assert.equal(await tried(guard, [['Cookie', `${sessionCookie}=${token}`]]), 'skip');
  });

  test('CSRF and CSWSH: its session is used by our own pages only', async () => {
    const { guard, secret } = await built();
    const cookie = await visited(guard, secret);
    assert.equal(await tried(guard, [cookie, ['Origin', 'https://evil.example']], { method: 'POST' }), 'origin-foreign');
    assert.equal(await tried(guard, [cookie], { upgrade: 'websocket' }), 'origin-foreign');
    assert.match(await tried(guard, [cookie, ['Origin', 'https://blog.example.test']], { upgrade: 'websocket' }), /^pass/);
    assert.match(
      await tried(
        guard,
        [
          ['Sallyport-Authorization', `Link ${secret}`],
          ['Origin', 'https://evil.example'],
        ],
        { method: 'POST' },
      ),
      /^pass/,
    );
  });

  test('cookie tossing: two session cookies are none; a raw connection has none', async () => {
    const { guard, secret } = await built();
    const cookie = await visited(guard, secret);
    assert.equal(await tried(guard, [cookie, cookie]), 'credentials-wrong');
    assert.deepEqual(await guard.check(rawExchange(), noBody), { is: 'skip' });
    assert.equal(await tried(guard, []), 'credentials-missing');
  });
});
