/** `sallyport sessions` from words to exit code. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { openHome } from '../../controlplane/home.ts';
import { openIdentities } from '../../controlplane/identities/identities.ts';
import { codes } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { openSqliteStore } from '../../modules/stores/sqlite.ts';
import { run } from '../run.ts';
import { scriptedTerminal, temporaryFolder } from '../scripted-terminal.ts';

test('sessions are listed with their last use and revoked by id, by user and all, without their tokens', async (context) => {
  const path = join(await temporaryFolder(context), 'home');
  const told = async (...words: string[]) => {
    const terminal = scriptedTerminal({ home: path });
    const code = await run(['sessions', ...words, '--json'], terminal);
    return { code, events: terminal.events(), written: terminal.written() };
  };
  assert.deepEqual([(await told('list')).code, (await told('list')).events], [0, []]);
  const home = await openHome({ SALLYPORT_HOME: path });
  const store = await openSqliteStore({ path: home.store, now: Date.now });
  const people = await openIdentities({ store, now: Date.now, randomBytes, limits: defaults });
  context.after(async () => (people.close(), store.close()));
  const open = (subject: string) =>
    people.sessions.open({
      service: 'blog',
      audience: 'blog.example.test',
      guard: 'password',
      subject,
      name: subject.slice(5),
      roles: [],
      revision: 1,
      expires: Date.now() + 60_000,
      source: '192.0.2.7',
    });
  const [ana, , ben] = [await open('user:ana'), await open('user:ana'), await open('user:ben')];
  assert.ok(people.sessions.find(ana.token, 'blog', 'blog.example.test', '198.51.100.9'));
  await store.records.list('session-uses/');
  const listed = await told('list', '--user', 'Ana');
  assert.equal(listed.events.length, 2);
  assert.equal(listed.written.includes(ana.token), false);
  const found = listed.events.find((event) => event['id'] === ana.session.id) ?? {};
  assert.deepEqual(
    [found['who'], found['service'], found['host'], found['source'], found['change']],
    ['user:ana', 'blog', 'blog.example.test', '192.0.2.7', null],
  );
  assert.equal((found['used'] as Record<string, unknown>)['from'], '198.51.100.9');
  const one = await told('revoke', ana.session.id);
  assert.deepEqual([one.code, one.events.length, one.events[0]?.['change']], [0, 1, 'revoked']);
  assert.equal((await told('revoke', ana.session.id)).code, codes['session-missing'].exit);
  assert.equal((await told('revoke', '--user', 'ana')).events.length, 1);
  assert.deepEqual(
    (await told('list')).events.map((event) => event['id']),
    [ben.session.id],
  );
  for (const words of [['revoke'], ['revoke', ben.session.id, '--all']])
    assert.equal((await told(...words)).code, codes['usage-wrong'].exit);
  assert.equal((await told('revoke', '--all')).events.length, 1);
  const words = scriptedTerminal({ home: path });
  await run(['sessions', 'list'], words);
  assert.match(words.written(), /Nobody is signed in/);
});
