/** `sallyport users totp` from words to exit code: nothing is kept before a code was shown. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { codes } from '../../core/errors.ts';
import { run } from '../run.ts';
import { scriptedTerminal, temporaryFolder } from '../scripted-terminal.ts';

const password = 'four unrelated words here';

test('codes are set up by showing one, replaced and taken away; the secret and the recovery codes are said once', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const add = scriptedTerminal({ home, env: { SALLYPORT_PASSWORD: password } });
  assert.equal(await run(['users', 'add', 'ana'], add), 0);
  /** What a person with a phone does: reads the secret, and types what the phone shows. */
  const said = async (
    words: string,
    typed: (secret: string) => string = (secret) => new TOTP({ secret: Secret.fromBase32(secret) }).generate(),
  ) => {
    const terminal = scriptedTerminal({ home });
    const answer = async function* (): AsyncGenerator<string> {
      while (terminal.events().length === 0) await new Promise((next) => setImmediate(next));
      yield `${typed(String(terminal.events()[0]?.['secret']))}\n`;
    };
    const exit = await run([...words.split(' '), '--json'], { ...terminal, stdin: Readable.from(answer()) as unknown as ReadStream });
    return { exit, events: terminal.events() };
  };
  const wrong = await said('users totp ana', () => '000000');
  assert.equal(wrong.exit, codes['usage-wrong'].exit);
  assert.equal((await said('users totp ana --remove')).exit, codes['secret-missing'].exit, 'nothing was kept');
  const first = await said('users totp ANA');
  assert.equal(first.exit, 0);
  const [offered, added] = first.events;
  assert.equal(offered?.['change'], 'offered');
  assert.match(
    String(offered?.['uri']),
    /^otpauth:\/\/totp\/Sallyport:ana\?issuer=Sallyport&secret=[A-Z2-7]{32}&algorithm=SHA1&digits=6&period=30$/,
  );
  assert.equal(added?.['change'], 'added');
  assert.equal(new Set(added?.['recovery'] as string[]).size, 10);
  const [listed] = (await said('users list')).events;
  assert.deepEqual(listed, { event: 'user', name: 'ana', codes: { recovery: 10 }, change: null });
  const second = await said('users totp ana');
  assert.equal(second.events[1]?.['change'], 'changed');
  assert.notEqual(second.events[0]?.['secret'], offered?.['secret']);
  assert.deepEqual((await said('users totp ana --remove')).events, [{ event: 'totp', name: 'ana', change: 'removed' }]);
  assert.equal((await said('users totp ben')).exit, codes['user-missing'].exit);
});

test('a terminal gets a picture, everything else the address', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  await run(['users', 'add', 'ana'], scriptedTerminal({ home, env: { SALLYPORT_PASSWORD: password } }));
  for (const screen of [true, false]) {
    const terminal = scriptedTerminal({ home, screen, stdin: '000000' });
    await run(['users', 'totp', 'ana'], terminal);
    assert.equal(terminal.written().includes('otpauth://'), !screen);
    assert.equal(/[█▀▄]/.test(terminal.written()), screen);
  }
});
