/** `sallyport pins` and the bounds of `links add`, in this process, over a home of its own. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../run.ts';
import { scriptedTerminal } from '../scripted-terminal.ts';

type Context = { after: (done: () => Promise<void>) => void };

async function commands(context: Context) {
  const home = await mkdtemp(join(tmpdir(), 'sallyport-pins-'));
  context.after(() => rm(home, { recursive: true, force: true }));
  return async (words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const terminal = scriptedTerminal({ home, env });
    const code = await run(words, terminal);
    return { code, terminal, said: terminal.written(), complained: terminal.complained(), env };
  };
}

test('pins set takes the code from the environment or makes one, never from the command line; list and remove', async (context) => {
  const sallyport = await commands(context);
  const given = await sallyport(['pins', 'set', 'photos', '--json'], { SALLYPORT_PIN: '48 21-9930' });
  assert.equal(given.code, 0, given.complained);
  assert.deepEqual(given.terminal.events(), [{ event: 'pin', service: 'photos', change: 'set', code: null }]);
  const made = await sallyport(['pins', 'set', 'blog', '--generate', '--json']);
  const [event] = made.terminal.events();
  assert.match(String(event?.['code']), /^\d{8}$/);
  const words = await sallyport(['pins', 'set', 'blog', '--generate']);
  assert.match(words.said, /^\d{4} \d{4}\n\(the code of blog; it is shown once\)/);
  const listed = await sallyport(['pins', 'list', '--json']);
  assert.deepEqual(
    listed.terminal.events().map(({ service, code }) => [service, code]),
    [
      ['blog', null],
      ['photos', null],
    ],
  );
  assert.notEqual((await sallyport(['pins', 'set', 'photos', '48219930'])).code, 0, 'a code in argv');
  for (const weak of ['12345', '123456', '000000', 'letters']) {
    const refused = await sallyport(['pins', 'set', 'photos', '--json'], { SALLYPORT_PIN: weak });
    assert.equal(refused.code, 64, weak);
    assert.ok(!refused.said.includes(weak));
  }
  assert.equal((await sallyport(['pins', 'set', 'photos'])).code, 64, 'nobody to ask');
  assert.equal((await sallyport(['pins', 'remove', 'blog'])).code, 0);
  assert.equal((await sallyport(['pins', 'remove', 'blog'])).code, 67);
});

test('links add says what bounds a link, and refuses what is no bound', async (context) => {
  const sallyport = await commands(context);
  const made = await sallyport(['links', 'add', 'blog', '--once', '--for', '2h', '--from', '192.0.2.0/24,198.51.100.7', '--first-browser']);
  assert.equal(made.code, 0, made.complained);
  assert.match(made.said, /1 of 1 use left, from 192\.0\.2\.0\/24, 198\.51\.100\.7(?:\/32)?, for the first browser; it is shown once/);
  const listed = await sallyport(['links', 'list', '--json']);
  const [link] = listed.terminal.events();
  assert.deepEqual([link?.['uses'], link?.['browser'], link?.['url']], [{ max: 1, left: 1 }, 'free', null]);
  const plain = await sallyport(['links', 'add', 'blog', '--json']);
  assert.deepEqual(Object.keys(plain.terminal.events()[0] ?? {}), ['event', 'id', 'service', 'label', 'expires', 'url', 'change']);
  for (const words of [
    ['--once', '--uses', '3'],
    ['--uses', '0'],
    ['--uses', '1e3'],
    ['--uses', '999999'],
    ['--path', 'photos'],
    ['--path', '/.sallyport/x'],
    ['--from', 'somewhere'],
    ['--for', 'soon'],
  ])
    assert.equal((await sallyport(['links', 'add', 'blog', ...words])).code, 64, words.join(' '));
});
