/** Whose streams are cut, and whose are not, when credentials change. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anaSession } from '../../test/doubles/sessions.ts';
import { goodPassword, testTools } from '../../test/doubles/tools.ts';
import type { Identity } from '../core/policy/exchange.ts';
import type { Engine } from '../dataplane/engine.ts';
import type { Service } from '../contracts/snapshot.ts';
import { cutWithStanding, watchStanding } from './standing.ts';

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

test('a session that is revoked ends what runs by it, and no other one of the same user', async () => {
  const { people, tools, during } = await watched();
  const open = () => people.sessions.open({ ...anaSession, expires: tools.clock.now + 60_000 });
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

test('what ends together is looked for once, and only what stood on it is cut', async () => {
  const tools = await testTools(['ana', 'ben']);
  const cuts: Parameters<Engine['cut']>[0][] = [];
  const watch = cutWithStanding(tools, { cut: (of) => cuts.push(of) });
  const opened = await Promise.all(
    Array.from({ length: 50 }, () => tools.people.sessions.open({ ...anaSession, expires: tools.clock.now + 60_000 })),
  );
  await tools.people.sessions.revokeSubject('user:ana');
  await new Promise((settled) => setImmediate(settled));
  assert.ok(cuts.length > 0 && cuts.length < 10, `${cuts.length} looks for 50 sessions`);
  const who = (subject: string, id?: string): Identity => {
    const known = { guard: 'password', subject, name: '', by: 'session', roles: [] } as const;
    return id === undefined ? known : { ...known, session: id };
  };
  const isCut = (identity: Identity | null): boolean => cuts.some((of) => of({} as Service, identity));
  assert.ok(opened.every((each) => isCut(who('user:ana', each.session.id))));
  assert.deepEqual([isCut(who('user:ana')), isCut(who('user:ana', '0000000000000000')), isCut(null)], [false, false, false]);
  await tools.people.users.remove('ben');
  await new Promise((settled) => setImmediate(settled));
  assert.deepEqual([isCut(who('user:ben')), isCut(who('user:ana'))], [true, false]);
  await watch.close();
});
