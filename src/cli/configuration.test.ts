/** The configuration file as commands read it, with all guards of the registry. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { relayParser } from '../controlplane/config/relay-file.ts';
import { defaults } from '../core/limits.ts';
import { parser, readConfigFile } from './configuration.ts';
import { temporaryFolder } from './scripted-terminal.ts';

test('sallyport.schema.json is what the parser takes (sallyport config schema > sallyport.schema.json mends it)', () => {
  const published: unknown = JSON.parse(readFileSync(new URL('../../sallyport.schema.json', import.meta.url), 'utf8'));
  assert.deepEqual(published, JSON.parse(JSON.stringify(parser.jsonSchema())));
});

test('sallyport-relay.schema.json is what the parser takes (sallyport config schema --relay > sallyport-relay.schema.json mends it)', () => {
  const published: unknown = JSON.parse(readFileSync(new URL('../../sallyport-relay.schema.json', import.meta.url), 'utf8'));
  assert.deepEqual(published, JSON.parse(JSON.stringify(relayParser().jsonSchema())));
});

test('every key of the schema has a word of explanation', () => {
  const look = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    const { properties } = node as { properties?: Record<string, { description?: string }> };
    for (const [key, value] of Object.entries(properties ?? {})) {
      // What guards take is explained in docs/configuration.md.
      if (!path.includes('.access')) assert.equal(typeof value.description, 'string', `${path}.${key}`);
    }
    for (const [key, value] of Object.entries(node)) look(value, `${path}.${key}`);
  };
  look(parser.jsonSchema(), '');
  look(relayParser().jsonSchema(), '');
});

const mistakes: readonly (readonly [access: string, sentence: RegExp])[] = [
  ['[{ ip: [] }]', /access\[0\]\.ip: found an empty list, expected addresses or networks/],
  ['[{ ip: [300.1.1.1] }]', /access\[0\]\.ip\[0\]: found "300\.1\.1\.1", expected addresses or networks/],
  ['[{ password: { users: [] } }]', /access\[0\]\.password\.users: found an empty list, expected names of users/],
  ['[{ password: { users: ["a b"] } }]', /access\[0\]\.password\.users\[0\]: found a text, expected names of users/],
  ['[{ password: { user: [ana] } }]', /access\[0\]\.password\.user: unknown key, did you mean users\?/],
  ['[{ link: { x: 1 } }]', /access\[0\]\.link\.x: unknown key/],
  ['[{ webhook: { path: hook, kind: github, secret: x } }]', /access\[0\]\.webhook\.path: found "hook", expected a path like/],
  [
    '[{ webhook: { path: /hook, kind: md5, secret: x } }]',
    /access\[0\]\.webhook\.kind: found "md5", expected one of secret, github, stripe, hmac/,
  ],
  ['[{ firewall: on }]', /access\[0\]\.firewall: unknown key/],
  ['[publc]', /access\[0\]: found "publc", expected public, or a guard/],
];

for (const [access, sentence] of mistakes) {
  test(`access: ${access} is refused with its place and what was expected`, () => {
    const parsed = parser.parse(`services: { a: { to: 1, access: ${access} } }`, '/x.yaml');
    assert.match(parsed.ok ? 'taken' : (parsed.problems[0]?.sentence ?? ''), sentence);
  });
}

test('a file that is not there, a folder, one that is no text and one without end are told apart', async (context) => {
  const cwd = await temporaryFolder(context);
  await assert.rejects(readConfigFile('sallyport.yaml', cwd), { code: 'config-missing' });
  await mkdir(join(cwd, 'conf'));
  await assert.rejects(readConfigFile('conf', cwd), { code: 'config-missing', hint: 'Name the file: --config conf/sallyport.yaml' });
  await writeFile(join(cwd, 'bad.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
  await assert.rejects(readConfigFile('bad.yaml', cwd), { code: 'config-malformed', message: 'bad.yaml is not UTF-8 text.' });
  await writeFile(join(cwd, 'long.yaml'), '#'.repeat(defaults.configBytesMax + 10));
  const { parsed } = await readConfigFile('long.yaml', cwd);
  assert.equal(parsed.ok, false);
});
