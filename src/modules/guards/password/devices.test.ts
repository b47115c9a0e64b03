/** Browsers that are known, and unlocking: strangers' guesses hold up strangers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf } from '../../../../test/doubles/exchange.ts';
import { goodPassword, testTools, type TestTools } from '../../../../test/doubles/tools.ts';
import { openGuesses } from '../../../controlplane/identities/logins/guesses.ts';
import { deviceCookie } from '../../../core/policy/session-cookie.ts';
import { password } from '../password.ts';
import { Door, type Proof } from './door.ts';

type Asked = Readonly<{ from?: string; cookie?: string; host?: string; scheme?: 'http' | 'https' }>;

let attempt = 0;

function doors(tools: TestTools) {
  const door = new Door(tools, 'blog', () => true);
  const exchange = ({ from = '192.0.2.7', cookie, ...asked }: Asked) =>
    exchangeOf({ from, ...asked, fields: cookie === undefined ? [] : [['Cookie', cookie]] });
  const prove = (user: string, words: string, asked: Asked = {}): Promise<Proof> =>
    door.prove(exchange(asked), { user, password: words }, `key ${(attempt += 1)}`);
  const guess = async (times: number, asked: Asked = {}, user = 'ana'): Promise<void> => {
    for (let at = 0; at < times; at += 1) await prove(user, `guess ${at}`, asked);
  };
  /** Signs in and hands back the browser's cookie. */
  const known = async (asked: Asked = {}): Promise<string> => {
    const user = tools.users.find('ana');
    assert.ok(user !== null);
    const [, field] = (await tools.logins.guesses.mark(exchange(asked), user)) ?? [];
    return field?.split(';')[0] ?? '';
  };
  return { prove, guess, known };
}

test('locked out by strangers: a browser that signed in before comes in from the network that has to wait', async () => {
  const { prove, guess, known } = doors(await testTools());
  const cookie = await known();
  await guess(40);
  assert.equal((await prove('ana', goodPassword)).is, 'wait');
  assert.equal((await prove('ana', goodPassword, { cookie })).is, 'right');
});

test('a stolen device cookie gives five guesses like any network, and then it is a stranger', async () => {
  const tools = await testTools();
  const { prove, guess, known } = doors(tools);
  const cookie = await known();
  await guess(40, { cookie });
  assert.equal(tools.hashes.count, 2 * tools.limits.guessesPerAccountMax);
  assert.equal((await prove('ana', goodPassword, { cookie })).is, 'wait');
});

test('a device cookie is good for its user, its host, its password and its bytes only', async () => {
  const tools = await testTools(['ana', 'ben']);
  const { prove, guess, known } = doors(tools);
  const cookie = await known();
  await guess(40);
  const [name, mark = ''] = cookie.split('=');
  assert.equal((await prove('ben', goodPassword, { cookie })).is, 'wait', 'another user');
  assert.equal((await prove('ana', goodPassword, { cookie, host: 'photos.example.test' })).is, 'wait', 'another host');
  assert.equal((await prove('ana', goodPassword, { cookie, scheme: 'http' })).is, 'wait', 'in the clear');
  for (const forged of [
    `${name}=${mark.slice(0, 23)}${'A'.repeat(43)}`,
    `${name}=B${mark.slice(1)}`,
    `${cookie}; ${cookie}`,
    `${deviceCookie}=x`,
  ])
    assert.equal((await prove('ana', goodPassword, { cookie: forged })).is, 'wait', forged);
  await tools.people.users.setPassword('ana', 'another good password');
  assert.equal((await prove('ana', 'another good password', { cookie })).is, 'wait', 'the old password');
});

test('a known browser outlives a restart: the key is in the store', async () => {
  const tools = await testTools();
  const cookie = await doors(tools).known();
  // Other tools over the same store, as another process has them.
  const later = {
    ...tools,
    logins: { ...tools.logins, guesses: openGuesses(tools) },
    users: { find: (name: string) => tools.users.find(name), list: () => tools.users.list() },
  };
  const { prove, guess } = doors(later);
  await guess(40);
  assert.deepEqual([(await prove('ana', goodPassword)).is, (await prove('ana', goodPassword, { cookie })).is], ['wait', 'right']);
});

test('a store that is away makes known browsers strangers, and nothing worse', async () => {
  const tools = await testTools();
  const { prove, known } = doors(tools);
  const cookie = await known();
  const broken = {
    ...tools,
    logins: { ...tools.logins, guesses: openGuesses(tools) },
    users: { find: (name: string) => tools.users.find(name), list: () => tools.users.list() },
  };
  const later = doors(broken);
  await tools.store.close();
  assert.equal((await later.prove('ana', goodPassword, { cookie })).is, 'right');
  assert.equal((await prove('ana', goodPassword, { cookie })).is, 'right');
});

test('unlock: the user may try again at once, from the network that had to wait; nobody else', async () => {
  const tools = await testTools(['ana', 'ben']);
  const { prove, guess } = doors(tools);
  await guess(40);
  await guess(10, { from: '198.51.100.9' }, 'ben');
  assert.equal((await prove('ana', goodPassword)).is, 'wait');
  await tools.store.bus.publish('users.unlock', 'ana');
  await tools.store.records.get('nothing');
  assert.equal((await prove('ana', goodPassword)).is, 'right');
  assert.equal((await prove('ben', goodPassword, { from: '198.51.100.9' })).is, 'wait');
});

test('a flood of strangers does not keep a known browser out: its hashes go first, in a queue of their own', async () => {
  const tools = await testTools(['ana'], { hashQueueMax: 4 });
  const { prove, known } = doors(tools);
  const cookie = await known();
  const flood = Array.from({ length: 200 }, (_, at) => prove('ana', `guess ${at}`, { from: `198.51.${100 + (at >> 7)}.${at & 127}` }));
  assert.equal((await prove('ana', goodPassword, { cookie })).is, 'right');
  const answers = (await Promise.all(flood)).map(({ is }) => is);
  assert.ok(answers.filter((is) => is === 'wait').length > 150, 'most of them were not even hashed');
});

test('the login form marks the browser, with a cookie for this host and our eyes only', async () => {
  const tools = await testTools();
  const guard = password.build({ users: 'all' }, tools, { name: 'blog', hosts: ['blog.example.test'], behindRelay: false });
  const form = guard.forms?.find(({ method, path }) => method === 'POST' && path === '/.sallyport/login');
  const fields = new URLSearchParams({ user: 'ana', password: goodPassword });
  const answer = await form?.handle(exchangeOf({ method: 'POST', fields: [['Origin', 'https://blog.example.test']] }), {
    fields,
    rest: '',
  });
  assert.ok(answer !== undefined && 'status' in answer);
  const cookies = answer.fields.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value);
  assert.equal(cookies.length, 2);
  assert.match(
    cookies[1] ?? '',
    /^__Host-sallyport-device=[\w-]{22}\.[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=15552000$/,
  );
});
