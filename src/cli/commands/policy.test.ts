/** `sallyport policy test` from words to exit code. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { codes } from '../../core/errors.ts';
import { run } from '../run.ts';
import { scriptedTerminal, temporaryFolder } from '../scripted-terminal.ts';

const config = `
listen: https://0.0.0.0:8443
services:
  blog:
    at: blog.example.org
    to: 3000
    access: [{ password: {} }, { key: { keys: [ci] } }]
    rules:
      - { match: { path: /admin/** }, allow: { role: editor } }
      - { match: { method: [GET, HEAD] }, allow: anyone }
      - otherwise: signed-in
`;
const table = `
people: { ana: [editor], ben: [] }
keys: { ci: editor }
tests:
  - { url: 'https://blog.example.org/', want: admit }
  - { url: 'https://blog.example.org/', method: post, want: ask }
  - { url: 'https://blog.example.org/admin/x', want: credentials-missing }
  - { url: 'https://blog.example.org/admin/x', as: ana, want: admit }
  - { url: 'https://blog.example.org/admin/x', as: 'key:ci', from: '2001:db8::1', want: admit }
  - { url: 'https://blog.example.org/admin/x', as: ben, want: rule-denied }
  - { url: 'https://blog.example.org/.git/config', as: ana, want: refuse }
  - { url: 'https://photos.example.org/', as: ana, want: route-missing }
`;

async function tested(context: Parameters<typeof temporaryFolder>[0], text: string, ...more: readonly string[]) {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, 'sallyport.yaml'), config);
  await writeFile(join(folder, 'policy.yaml'), `config: sallyport.yaml\n${text}`);
  const terminal = scriptedTerminal({ home: join(folder, 'no-home') });
  const code = await run(['policy', 'test', join(folder, 'policy.yaml'), ...more], terminal);
  return { code, terminal };
}

test('a table that holds: every line is yes, without a home and without anything that runs', async (context) => {
  const { code, terminal } = await tested(context, table, '--json');
  assert.equal(code, 0, terminal.written());
  const events = terminal.events();
  assert.deepEqual([events.length, new Set(events.map((event) => event['ok']))], [8, new Set([true])]);
});

test('one that does not: what was found, by which rule, and exit 65', async (context) => {
  const { code, terminal } = await tested(context, table.replace('as: ben, want: rule-denied', 'as: ben, want: admit'), '--json');
  assert.equal(code, codes['policy-unmet'].exit);
  const wrong = terminal.events().filter((event) => event['ok'] === false);
  assert.deepEqual(
    wrong.map(({ want, verdict, code: found, rule }) => [want, verdict, found, rule]),
    [['admit', 'refuse', 'rule-denied', 'rule 1: path /admin/**: allow role editor']],
  );
  const words = await tested(context, table.replace('as: ben, want: rule-denied', 'as: ben, want: admit'));
  assert.match(words.terminal.written(), /no {3}GET \S+ from 192\.0\.2\.1 as ben: admit, but it is refuse \(rule-denied\)/);
});

test('mistakes of the file are named, and people who are missing in it', async (context) => {
  for (const [text, code, words] of [
    ["tests: [{ url: 'https://blog.example.org/', want: perhaps }]", 'config-malformed', /admit, ask, refuse/],
    ['tests: []', 'config-malformed', /one test/],
    ["people: { ana: [] }\ntests: [{ url: 'https://blog.example.org/', want: ask }]", 'key-missing', /keys: \{ ci/],
    ["people: { ana: [] }\nkeys: { ci: [] }\ntests: [{ url: 'nonsense', want: ask }]", 'usage-wrong', /is no URL/],
  ] as const) {
    const { code: exit, terminal } = await tested(context, text);
    assert.equal(exit, codes[code].exit, text);
    assert.match(terminal.complained(), words);
  }
});
