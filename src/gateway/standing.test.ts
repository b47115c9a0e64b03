/** Whose streams are cut, and whose are not, when credentials change. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goodPassword, testTools } from '../../test/doubles/tools.ts';
import { watchStanding } from './standing.ts';

async function watched(names: readonly string[] = ['ana', 'ben']) {
  const tools = await testTools(names);
  const told: string[] = [];
  const watch = watchStanding({
    records: tools.store.records,
    users: tools.users,
    keys: tools.keys,
    ended: (subject) => void told.push(subject),
    endedSession: (id) => void told.push(`session ${id}`),
  });
  /** What was told during the work. */
  const during = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
    told.length = 0;
    await work();
    return [...told];
  };
  return { tools, people: tools.people, during, watch };
}

const session = {
  service: 'blog',
  audience: 'blog.example.test',
  guard: 'password',
  subject: 'user:ana',
  name: 'ana',
  roles: [],
  revision: 1,
  source: '',
};

test('a session that is revoked ends what runs by it, and no other one of the same user', async () => {
  const { people, tools, during } = await watched();
  const open = () => people.sessions.open({ ...session, expires: tools.clock.now + 60_000 });
  const [one] = [await open(), await open()];
  assert.deepEqual(await during(() => people.sessions.revoke(one.session.id)), [`session ${one.session.id}`]);
  assert.deepEqual(await during(() => people.sessions.revoke(one.session.id)), []);
});

test('a user ends with a new password, other roles and their removal, and with a rehash nobody does', async () => {
  const { people, during } = await watched();
  assert.deepEqual(await during(() => people.users.rehash(people.users.find('ana')?.hash ?? '', people.users.find('ben')?.hash ?? '')), []);
  assert.deepEqual(await during(() => people.users.setRoles('ana', ['editor'])), ['user:ana']);
  assert.deepEqual(await during(() => people.users.setRoles('ana', ['editor'])), [], 'the same roles are no change');
  assert.deepEqual(await during(() => people.users.setPassword('ana', goodPassword)), ['user:ana']);
  assert.deepEqual(await during(() => people.users.remove('ana')), ['user:ana']);
  assert.deepEqual(await during(() => people.users.add('ana', goodPassword)), [], 'who comes back has nothing open');
});

test('a key ends when it is revoked, when its owner goes, and when its text is changed without an overlap', async () => {
  const { people, during } = await watched();
  await people.keys.create({ name: 'ci', owner: 'ben' });
  assert.deepEqual(await during(() => people.keys.rotate('ci', 60_000)), [], 'the old text is good for a while');
  assert.deepEqual(await during(() => people.keys.rotate('ci', 0)), ['key:ci']);
  assert.deepEqual(await during(() => people.users.remove('ben')), ['user:ben', 'key:ci']);
  assert.deepEqual(await during(() => people.keys.revoke('ci')), ['key:ci']);
});

test('a link that is revoked ends; after its end nothing is told any more', async () => {
  const { people, during, watch } = await watched();
  const { link } = await people.links.create({ service: 'blog', expires: null });
  const other = await people.links.create({ service: 'blog', expires: null });
  assert.deepEqual(await during(() => people.links.revoke(link.id)), [`link:${link.id}`]);
  await watch.close();
  assert.deepEqual(await during(() => people.links.revoke(other.link.id)), []);
});
