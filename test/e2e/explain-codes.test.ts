/** `policy test` and `explain --as` of those who came in by a link, a short code or a code by mail: as it would be decided. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { ownFolder } from './written-gateway.ts';

test('policy test knows codes by mail, short codes and the roles that they give', async (context) => {
  const folder = await ownFolder(context);
  await writeFile(
    join(folder, 'sallyport.yaml'),
    `
listen: https://127.0.0.1:8443
mail: { smtp: "smtps://mail.example.org", from: gate@example.org, user: gate, secret: mail }
services:
  photos:
    at: photos.example.org
    to: 3000
    access:
      - email: { allow: [ana@example.org, "*@example.net"], roles: [editor] }
      - pin: { roles: [guest] }
      - link: {}
    rules:
      - { match: { path: "/admin/**" }, allow: { role: editor } }
      - otherwise: signed-in
`,
  );
  const tests = [
    ['', '/', 'ask'],
    ['email:ana@example.org', '/admin/x', 'admit'],
    ['email:x@example.net', '/admin/x', 'admit'],
    ['email:eva@example.org', '/', 'refuse'],
    ['pin:photos', '/', 'admit'],
    ['pin:photos', '/admin/x', 'refuse'],
    ['pin:blog', '/', 'refuse'],
    ['link:0123456789', '/', 'refuse'],
  ].map(([as, path, want]) => `  - { url: "https://photos.example.org${path}", ${as === '' ? '' : `as: "${as}", `}want: ${want} }`);
  await writeFile(join(folder, 'tests.yaml'), `tests:\n${tests.join('\n')}\n`);
  const terminal = scriptedTerminal({ home: join(folder, 'home'), cwd: folder });
  const code = await runCommand(
    ['policy', 'test', join(folder, 'tests.yaml'), '--config', join(folder, 'sallyport.yaml'), '--json'],
    terminal,
  );
  assert.deepEqual(
    terminal.events().filter(({ ok }) => ok !== true),
    [],
    terminal.complained(),
  );
  assert.equal(code, 0);
});
