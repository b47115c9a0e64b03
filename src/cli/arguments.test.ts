/** Whose command a line of words is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArguments } from './arguments.ts';

const commands = new Set(['http', 'dir', 'status', 'help']);
const valued = new Set(['--name', '--for', '-n']);

function spoken(words: string): string {
  const read = readArguments(words === '' ? [] : words.split(' '), commands, valued);
  return read.is === 'nothing' ? 'nothing' : `${read.is}: ${read.words.join(' ')}`;
}

test('a port or a URL is shared, wherever flags stand', () => {
  assert.equal(spoken('3000'), 'command: http 3000');
  assert.equal(spoken('3000 --public'), 'command: http 3000 --public');
  assert.equal(spoken('--name demo 3000'), 'command: http --name demo 3000');
  assert.equal(spoken('--json 3000'), 'command: http --json 3000');
  assert.equal(spoken('http://127.0.0.1:80'), 'command: http http://127.0.0.1:80');
  assert.equal(spoken('localhost:80'), 'command: http localhost:80');
  assert.equal(spoken('[::1]:80'), 'command: http [::1]:80');
  assert.equal(spoken('-1'), 'command: http -1');
});

test('commands and misspelt commands are left as they are', () => {
  assert.equal(spoken('status --json'), 'command: status --json');
  assert.equal(spoken('statsu'), 'command: statsu');
  assert.equal(spoken('--version --json'), 'command: version --json');
  assert.equal(spoken('dir ./site'), 'command: dir ./site');
});

test("PageKite's words are PageKite's, with --json taken out", () => {
  assert.equal(spoken('80 blog.example.org'), 'pagekite: 80 blog.example.org');
  assert.equal(spoken('80 +insecure --json'), 'pagekite: 80 +insecure');
  assert.equal(spoken('80 a.example AND 81 b.example'), 'pagekite: 80 a.example AND 81 b.example');
});

test('no word at all, or only --json, asks for an explanation', () => {
  assert.equal(spoken(''), 'nothing');
  assert.equal(spoken('--json'), 'nothing');
});
