/** `sallyport keys` from words to exit code. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { codes } from '../../core/errors.ts';
import { run } from '../run.ts';
import { scriptedTerminal, temporaryFolder } from '../scripted-terminal.ts';

test('keys are made and shown once, listed without their text, rotated and revoked', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const told = async (...words: string[]) => {
    const terminal = scriptedTerminal({ home });
    const code = await run(['keys', ...words, '--json'], terminal);
    return { code, event: terminal.events()[0] ?? {}, written: terminal.written() };
  };
  const made = await told('add', 'CI', '--role', 'deployer,reader', '--allow', '192.0.2.0/24', '--for', 'never');
  const key = String(made.event['key']);
  assert.match(key, /^sallyport_[0-9A-Za-z]{39}$/);
  assert.deepEqual(
    { ...made.event, key: '' },
    {
      event: 'key',
      name: 'ci',
      key: '',
      owner: null,
      roles: ['deployer', 'reader'],
      allow: ['192.0.2.0/24'],
      expires: null,
      used: null,
      change: 'added',
    },
  );
  assert.equal((await told('add', 'ci')).code, codes['key-taken'].exit);
  const listed = await told('list');
  assert.deepEqual([listed.event['name'], listed.event['key'], listed.written.includes(key)], ['ci', null, false]);
  const rotated = await told('rotate', 'ci', '--overlap', '1h');
  assert.notEqual(rotated.event['key'], key);
  assert.equal(rotated.event['change'], 'rotated');
  assert.equal((await told('rotate', 'ci', '--overlap', 'soon')).code, codes['usage-wrong'].exit);
  assert.equal((await told('revoke', 'ci')).event['change'], 'revoked');
  for (const words of [
    ['revoke', 'ci'],
    ['rotate', 'ci'],
  ])
    assert.equal((await told(...words)).code, codes['key-missing'].exit);
});

test('keys speak in words as well, and the text stands alone on its line', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const made = scriptedTerminal({ home });
  assert.equal(await run(['keys', 'add', 'ci', '--role', 'deployer'], made), 0);
  assert.match(made.written(), /^sallyport_[0-9A-Za-z]{39}\n\(key ci, until .*; it is shown once\)/);
  const listed = scriptedTerminal({ home });
  await run(['keys', 'list'], listed);
  assert.match(listed.written(), /^ci {2}until .* deployer {2}never used\n$/);
});
