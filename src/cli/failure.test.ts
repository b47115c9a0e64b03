/** What goes wrong, as one sentence with the way out. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommanderError } from 'commander';
import { SallyportError } from '../core/errors.ts';
import { failureOf } from './failure.ts';

function system(code: string): Error {
  return Object.assign(new Error(`${code}: it says, write '/home/ana/x'`), { code });
}

test('what the system says is put into words: a full disk, a port in use, a right that is missing', () => {
  const exits: Readonly<Record<string, readonly [string, number]>> = {
    ENOSPC: ['disk-full', 73],
    EDQUOT: ['disk-full', 73],
    EADDRINUSE: ['address-in-use', 69],
    EADDRNOTAVAIL: ['address-unavailable', 69],
    EACCES: ['permission-missing', 77],
    EROFS: ['home-unwritable', 73],
  };
  for (const [code, [ours, exit]] of Object.entries(exits)) {
    const failure = failureOf(system(code));
    assert.deepEqual([failure.code, failure.exit], [ours, exit], code);
    assert.notEqual(failure.hint, null, code);
    assert.doesNotMatch(failure.message, /ENO|EA|\n/);
  }
});

test('our own errors keep their code, sentence and way out', () => {
  assert.deepEqual(failureOf(new SallyportError('home-exposed', 'It is open.', { hint: 'chmod' })), {
    code: 'home-exposed',
    message: 'It is open.',
    hint: 'chmod',
    exit: 77,
  });
});

test('a fault of ours says so, and never exits with 0', () => {
  for (const thrown of [new TypeError('x is not a function'), 'text', undefined, { code: 1 }]) {
    const failure = failureOf(thrown);
    assert.deepEqual([failure.code, failure.exit], ['program-failed', 70]);
  }
  assert.equal(failureOf(new SallyportError('route-missing', 'x')).exit, 70);
});

test('a wrong word is told with what was meant', () => {
  assert.equal(
    failureOf(new CommanderError(1, 'x', "error: unknown command 'htp'\n(Did you mean http?)")).message,
    "Unknown command 'htp'. Did you mean http?",
  );
});

test('log injection: a message that holds escape sequences shows them', () => {
  assert.equal(failureOf(new SallyportError('usage-wrong', 'a\u001b[2Jb')).message, 'a\\u{1b}[2Jb');
});
