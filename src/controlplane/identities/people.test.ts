/** Users, sessions and links over one store, as one process and as two. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { SallyportError, type Code } from '../../core/errors.ts';
import { limitsWith, type Limits } from '../../core/limits.ts';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import type { Store } from '../../contracts/store.ts';
import { openIdentities, type Identities } from './identities.ts';

const good = 'lamp orbit velvet acre';
const hour = 3_600_000;
const clock = { now: 1_800_000_000_000 };
const now = (): number => clock.now;

/** What a second process over the same store would see. */
async function opened(
  store: Store = createMemoryStore({ now }),
  changes: Partial<Limits> = {},
): Promise<Readonly<{ store: Store; people: Identities }>> {
  return {
    store,
    people: await openIdentities({ store, now, randomBytes, limits: limitsWith(changes), cost: { memoryKib: 8, passes: 1, lanes: 1 } }),
  };
}

const coded =
  (code: Code, ...secrets: readonly string[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof SallyportError);
    for (const secret of secrets) assert.ok(!`${error.message} ${error.hint}`.includes(secret));
    assert.equal(error.code, code);
    return true;
  };

const everything = async (store: Store): Promise<string> => JSON.stringify(await store.records.list(''));

/** Where sessions are opened and used. */
const there = ['blog.example.test', '192.0.2.7'] as const;
const wanted = {
  service: 'blog',
  audience: there[0],
  guard: 'password',
  subject: 'user:ana',
  name: 'ana',
  roles: [],
  revision: 1,
  source: '192.0.2.7',
};

describe('users', () => {
  test('are added, found in any case of letters, listed and removed', async () => {
    const { people } = await opened();
    await people.users.add('Ben', good, ['editor']);
    await people.users.add('ana', good);
    assert.deepEqual(
      people.users.list().map((user) => user.name),
      ['ana', 'ben'],
    );
    assert.deepEqual(people.users.find('BEN')?.roles, ['editor']);
    assert.equal(await people.users.remove('BEN'), true);
    assert.equal(people.users.find('ben'), null);
    assert.equal(await people.users.remove('ben'), false);
  });

  test('have names in one spelling', async () => {
    const { people } = await opened();
    for (const name of ['', '..', 'a/b', 'a b', 'ana\u0000', '\u212Aarl', 'a'.repeat(65), '-rf', '.hidden', 'ana\u001b[31m'])
      await assert.rejects(people.users.add(name, good), coded('name-malformed', '\u001b', '\u0000'));
    await people.users.add('ana', good);
    await assert.rejects(people.users.add('ANA', good), coded('user-taken'));
  });

  test('prototype names are names', async () => {
    const { people } = await opened();
    for (const name of ['__proto__', 'constructor', 'tostring']) {
      assert.equal(people.users.find(name), null);
      await people.users.add(name, good);
      assert.equal(people.users.find(name)?.name, name);
    }
    assert.equal(people.users.list().length, 3);
  });

  test('secrets in words and store: a password stands in no error and in no record', async () => {
    const { people, store } = await opened();
    await assert.rejects(people.users.add('ana', 'hunter2'), coded('password-weak', 'hunter2'));
    await people.users.add('ana', good);
    assert.ok(!(await everything(store)).includes('velvet'));
    assert.match(people.users.find('ana')?.hash ?? '', /^\$argon2id\$/);
  });

  test('a new password has a new revision, and ends the sessions', async () => {
    const { people } = await opened();
    const before = await people.users.add('ana', good);
    const { token } = await people.sessions.open({ ...wanted, expires: now() + hour });
    const after = await people.users.setPassword('ana', 'another good password');
    assert.ok(after.revision > before.revision);
    assert.equal(people.sessions.find(token, 'blog', ...there), null);
    assert.equal(await people.passwords.verify(good, people.users.find('ana')?.hash ?? null), false);
    await assert.rejects(people.users.setPassword('nobody', good), coded('user-missing'));
    await assert.rejects(people.users.setPassword('ana', 'short'), coded('password-weak'));
  });

  test('who comes back under the same name has another revision', async () => {
    const { people } = await opened();
    const first = await people.users.add('ana', good);
    await people.users.remove('ana');
    clock.now += 1;
    assert.notEqual((await people.users.add('ana', good)).revision, first.revision);
  });

  test('a rehash changes neither revision nor sessions, and comes too late for a changed password', async () => {
    const { people } = await opened();
    const before = await people.users.add('ana', good);
    await people.users.rehash(before.hash, 'fresh');
    assert.deepEqual(people.users.find('ana'), { ...before, hash: 'fresh' });
    const changed = await people.users.setPassword('ana', 'another good password');
    await people.users.rehash('fresh', 'stale');
    assert.equal(people.users.find('ana')?.hash, changed.hash);
  });

  test('one-time races: two who add the same name at once, one does', async () => {
    const { store, people } = await opened();
    const { people: other } = await opened(store);
    const results = await Promise.allSettled([people.users.add('ana', good), other.users.add('ana', good)]);
    assert.deepEqual(results.map((result) => result.status).toSorted(), ['fulfilled', 'rejected']);
  });

  test('what another process does is seen here', async () => {
    const { store, people } = await opened();
    const { people: other } = await opened(store);
    await other.users.add('ana', good);
    assert.equal(people.users.find('ana')?.name, 'ana');
    await people.users.remove('ana');
    assert.equal(other.users.find('ana'), null);
    await other.users.add('ana', good);
    assert.equal(people.users.find('ana')?.name, 'ana');
  });

  test('there are so many and no more', async () => {
    const { people } = await opened(undefined, { usersMax: 1 });
    await people.users.add('ana', good);
    await assert.rejects(people.users.add('ben', good), coded('usage-wrong'));
  });

  test('fails closed: a record of another shape is no user', async () => {
    const { store } = await opened();
    for (const value of [null, 'ana', { name: 'ana' }, { name: 'ana', hash: '', roles: 'all', revision: 1, createdAt: 1 }])
      await store.records.put('users/ana', value);
    const { people } = await opened(store);
    assert.equal(people.users.find('ana'), null);
  });

  test('a store that is away opens nothing', async () => {
    const { store } = await opened();
    await store.close();
    await assert.rejects(opened(store), coded('store-unavailable'));
  });
});

describe('sessions', () => {
  test('are found by their token, for their service, until they end', async () => {
    const { people } = await opened();
    const { token, session } = await people.sessions.open({ ...wanted, expires: now() + hour });
    assert.match(token, /^[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(people.sessions.find(token, 'blog', ...there), session);
    assert.equal(people.sessions.find(token, 'photos', ...there), null);
    for (const other of ['', token.slice(1), `${token}x`, session.id, '__proto__'])
      assert.equal(people.sessions.find(other, 'blog', ...there), null);
    clock.now += hour;
    assert.equal(people.sessions.find(token, 'blog', ...there), null);
    assert.deepEqual(people.sessions.list(), []);
  });

  test('a stolen session of one host opens nothing at another one of the same service', async () => {
    const { people } = await opened();
    const { token, session } = await people.sessions.open({ ...wanted, expires: now() + hour });
    for (const host of ['', 'www.blog.example.test', 'example.test', 'BLOG.example.test'])
      assert.equal(people.sessions.find(token, 'blog', host, '192.0.2.7'), null);
    assert.deepEqual(people.sessions.find(token, 'blog', ...there), session);
  });

  test('end when nobody uses them, here and in another process; what is used lives to its end', async () => {
    const { store, people } = await opened(undefined, { sessionIdleMs: 10 * 60_000, sessionUseMs: 60_000 });
    const { people: other } = await opened(store, { sessionIdleMs: 10 * 60_000, sessionUseMs: 60_000 });
    const [used, idle] = [
      await people.sessions.open({ ...wanted, expires: now() + hour }),
      await people.sessions.open({ ...wanted, expires: now() + hour }),
    ];
    for (let minute = 0; minute < 55; minute += 5) {
      assert.ok(people.sessions.find(used.token, 'blog', there[0], '198.51.100.9'), `after ${minute} minutes`);
      clock.now += 5 * 60_000;
    }
    for (const each of [people, other]) {
      assert.equal(each.sessions.find(idle.token, 'blog', ...there), null);
      const [listed, ...more] = each.sessions.list();
      assert.deepEqual([listed?.id, listed?.source, listed?.used.from, more], [used.session.id, '192.0.2.7', '198.51.100.9', []]);
    }
    assert.ok(other.sessions.find(used.token, 'blog', ...there));
    clock.now += 10 * 60_000;
    assert.equal(people.sessions.find(used.token, 'blog', ...there), null, 'the absolute end');
  });

  test('a busy session is written once in a while', async () => {
    const { people, store } = await opened();
    const { token, session } = await people.sessions.open({ ...wanted, expires: now() + hour });
    let writes = 0;
    const watch = store.records.watch('session-uses/', ({ entry }) => void (writes += entry === null ? 0 : 1));
    for (let second = 0; second < 150; second += 1) {
      people.sessions.find(token, 'blog', ...there);
      clock.now += 1_000;
    }
    await store.records.get('session-uses/x');
    assert.equal(writes, 3);
    await people.sessions.revoke(session.id);
    assert.deepEqual(await store.records.list('session-uses/'), []);
    watch.close();
  });

  test('secrets in the store: the token stands in no record and in no list', async () => {
    const { people, store } = await opened();
    const { token } = await people.sessions.open({ ...wanted, expires: now() + hour });
    assert.ok(!(await everything(store)).includes(token));
    assert.ok(!JSON.stringify(people.sessions.list()).includes(token));
    assert.equal(people.sessions.list()[0]?.source, '192.0.2.7');
  });

  test('end by id and by subject, here and in every process', async () => {
    const { store, people } = await opened();
    const { people: other } = await opened(store);
    const open = (subject: string) => people.sessions.open({ ...wanted, subject, expires: now() + hour });
    const [one, two, three] = [await open('user:ana'), await open('user:ana'), await open('user:ben')];
    assert.ok(other.sessions.find(one.token, 'blog', ...there));
    assert.equal(await other.sessions.revoke(one.session.id), true);
    assert.equal(people.sessions.find(one.token, 'blog', ...there), null);
    assert.equal(await people.sessions.revokeSubject('user:ana'), 1);
    assert.equal(other.sessions.find(two.token, 'blog', ...there), null);
    assert.ok(other.sessions.find(three.token, 'blog', ...there));
    for (const id of ['', '..', '*', 'a'.repeat(600), '0000000000000000']) assert.equal(await people.sessions.revoke(id), false);
  });

  test('a session that was ended is gone at once, even when the store is away', async () => {
    const { store, people } = await opened();
    const { token, session } = await people.sessions.open({ ...wanted, expires: now() + hour });
    await store.close();
    await assert.rejects(people.sessions.revoke(session.id));
    assert.equal(people.sessions.find(token, 'blog', ...there), null);
  });

  test('outlive a restart', async () => {
    const { store, people } = await opened();
    const { token, session } = await people.sessions.open({ ...wanted, expires: now() + hour });
    people.close();
    assert.deepEqual((await opened(store)).people.sessions.find(token, 'blog', ...there), session);
  });

  test('are bounded: one subject pushes out its own oldest, and nobody else', async () => {
    const { people } = await opened(undefined, { sessionsPerSubjectMax: 3, sessionsMax: 5 });
    const open = async (subject: string) => {
      clock.now += 1;
      return (await people.sessions.open({ ...wanted, subject, expires: now() + hour })).token;
    };
    const ben = await open('user:ben');
    const tokens: string[] = [];
    for (let at = 0; at < 10; at += 1) tokens.push(await open('link:x'));
    assert.deepEqual(
      tokens.map((token) => people.sessions.find(token, 'blog', ...there) !== null),
      [false, false, false, false, false, false, false, true, true, true],
    );
    assert.ok(people.sessions.find(ben, 'blog', ...there));
    await open('user:cleo');
    await assert.rejects(open('user:dora'), coded('credentials-throttled'));
    clock.now += hour;
    await open('user:dora');
  });
});

describe('links', () => {
  test('are made with a secret that is shown once, and found by it', async () => {
    const { people, store } = await opened();
    const { secret, link } = await people.links.create({ service: 'blog', expires: now() + hour, label: 'for Ana & Ben' });
    assert.match(secret, /^[A-Za-z0-9_-]{32}$/);
    assert.deepEqual(people.links.find(secret, 'blog'), link);
    assert.equal(people.links.find(secret, 'photos'), null);
    assert.deepEqual(people.links.byId(link.id), link);
    assert.deepEqual(people.links.list(), [link]);
    assert.ok(!(await everything(store)).includes(secret));
    assert.ok(!JSON.stringify(people.links.list()).includes(secret));
  });

  test('end with their time and when revoked, with their sessions', async () => {
    const { people } = await opened();
    const short = await people.links.create({ service: 'blog', expires: now() + hour });
    const long = await people.links.create({ service: 'blog', expires: null });
    const { token } = await people.sessions.open({ ...wanted, guard: 'link', subject: `link:${long.link.id}`, expires: now() + 2 * hour });
    clock.now += hour;
    assert.equal(people.links.find(short.secret, 'blog'), null);
    assert.equal(people.links.byId(short.link.id), null);
    assert.ok(people.links.find(long.secret, 'blog'));
    assert.equal(await people.links.revoke(long.link.id), true);
    assert.equal(people.links.find(long.secret, 'blog'), null);
    assert.equal(people.sessions.find(token, 'blog', ...there), null);
    for (const id of [long.link.id, '', '../users/ana', '*']) assert.equal(await people.links.revoke(id), false);
  });

  test('refuse a label that would write to a terminal, a past end, and too many', async () => {
    const { people } = await opened(undefined, { linksMax: 1 });
    for (const label of ['', 'a\nb', '\u001b[31m', '\u202e', 'x'.repeat(65)])
      await assert.rejects(people.links.create({ service: 'blog', expires: null, label }), coded('usage-wrong'));
    await assert.rejects(people.links.create({ service: 'blog', expires: now() }), coded('usage-wrong'));
    await people.links.create({ service: 'blog', expires: null });
    await assert.rejects(people.links.create({ service: 'blog', expires: null }), coded('usage-wrong'));
  });
});
