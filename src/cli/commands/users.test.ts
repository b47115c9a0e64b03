/** `sallyport users` from words to exit code: what there is beside adding, listing and removing. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { codes } from '../../core/errors.ts';
import { run } from '../run.ts';
import { scriptedTerminal, temporaryFolder } from '../scripted-terminal.ts';

const password = 'four unrelated words here';

test('users have roles and an end, and unlocking asks for somebody who is there', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const said = async (words: string, env: NodeJS.ProcessEnv = {}): Promise<readonly unknown[]> => {
    const terminal = scriptedTerminal({ home, env });
    const exit = await run([...words.split(' '), '--json'], terminal);
    return [exit, ...terminal.events()];
  };
  const added = await said('users add ana --role editor,reader --role editor --for 30d', { SALLYPORT_PASSWORD: password });
  const event = added[1] as Record<string, unknown>;
  assert.deepEqual([event['roles'], event['change']], [['editor', 'reader'], 'added']);
  assert.match(String(event['expires']), /^\d{4}-/);
  const [, changed] = await said('users roles ana admin');
  assert.deepEqual(
    { ...(changed as object), expires: '' },
    { event: 'user', name: 'ana', roles: ['admin'], expires: '', change: 'changed' },
  );
  const [, none] = await said('users roles ana --none');
  assert.deepEqual((none as Record<string, unknown>)['roles'], []);
  for (const words of ['users roles ana', 'users roles ana x --none', 'users roles ana Editor', 'users roles ana a/b'])
    assert.equal((await said(words))[0], codes['usage-wrong'].exit, words);
  assert.deepEqual(await said('users unlock ana'), [0, { event: 'user', name: 'ana', change: 'unlocked' }]);
  for (const words of ['users roles ben admin', 'users unlock ben'])
    assert.equal((await said(words))[0], codes['user-missing'].exit, words);
});
