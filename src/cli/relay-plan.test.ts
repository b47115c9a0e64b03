/** A relay's file and its words together. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaults } from '../core/limits.ts';
import { planRelay } from './relay-plan.ts';
import { temporaryFolder } from './scripted-terminal.ts';

test('without a file the words say it all', async () => {
  const plan = await planRelay({ domain: 'example.org', listen: ['127.0.0.1:8443'] }, '/');
  assert.deepEqual(
    [plan.domain, plan.listen, plan.limits, plan.file],
    ['example.org', [{ host: '127.0.0.1', port: 8443 }], defaults, null],
  );
  await assert.rejects(planRelay({}, '/'), { code: 'usage-wrong', message: 'A relay needs a domain.' });
});

test('a file says it, and limits; words say what it leaves out', async (context) => {
  const cwd = await temporaryFolder(context);
  await writeFile(join(cwd, 'relay.yaml'), 'domain: example.org\nlimits: { connectionsMax: 7 }\n');
  const plan = await planRelay({ config: 'relay.yaml', listen: ['127.0.0.1:0'], drain: '1h' }, cwd);
  assert.deepEqual([plan.domain, plan.listen, plan.drainMs], ['example.org', [{ host: '127.0.0.1', port: 0 }], 3_600_000]);
  assert.deepEqual(plan.limits, { ...defaults, connectionsMax: 7 });
});

test('what both say is a contradiction', async (context) => {
  const cwd = await temporaryFolder(context);
  const lines = 'domain: example.org\nlisten: https://127.0.0.1:0\naddress: r.example.org\ndrain: 1h\ncertificate: a\nkey: b\n';
  await writeFile(join(cwd, 'relay.yaml'), lines);
  const both = { domain: 'example.org', listen: ['127.0.0.1:0'], address: 'r.example.org:443', drain: '1h', certificate: 'a', key: 'b' };
  for (const [key, value] of Object.entries(both)) {
    await assert.rejects(planRelay({ config: 'relay.yaml', [key]: value }, cwd), {
      code: 'usage-wrong',
      message: `Both --${key} and relay.yaml say it.`,
      hint: `Leave out --${key}, or the line ${key}: of the file.`,
    });
  }
});

test('plain HTTP is a listener of the file, or a word', async (context) => {
  const cwd = await temporaryFolder(context);
  await writeFile(join(cwd, 'relay.yaml'), 'domain: example.org\nlisten: [https://127.0.0.1, http://127.0.0.1]\n');
  const plan = await planRelay({ config: 'relay.yaml' }, cwd);
  assert.deepEqual([plan.listen, plan.plain], [[{ host: '127.0.0.1', port: 443 }], [{ host: '127.0.0.1', port: 80 }]]);
  await assert.rejects(planRelay({ config: 'relay.yaml', http: ['127.0.0.1:80'] }, cwd), { code: 'usage-wrong' });
  assert.deepEqual((await planRelay({ domain: 'example.org', http: ['0.0.0.0:80'] }, cwd)).plain, [{ host: '0.0.0.0', port: 80 }]);
  await assert.rejects(planRelay({ domain: 'example.org', http: ['80'] }, cwd), { code: 'port-malformed' });
});

test('mistakes in the file are named with their place, and with the command that shows all', async (context) => {
  const cwd = await temporaryFolder(context);
  await assert.rejects(planRelay({ config: 'relay.yaml' }, cwd), { code: 'config-missing' });
  await writeFile(join(cwd, 'relay.yaml'), 'domain: 7\nlisten: x\n');
  await assert.rejects(planRelay({ config: 'relay.yaml' }, cwd), {
    code: 'config-malformed',
    message: 'relay.yaml, line 1, column 9: domain: found 7, expected a domain like example.org (and 1 more).',
    hint: 'See every mistake: sallyport config check --relay relay.yaml',
  });
});
