/** Hours and ends of users and keys, as their owner says them: on the command line, and then at the door. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { ask, basic } from './ask.ts';
import { freePort } from './free-port.ts';
import { startService } from './service.ts';
import { goodPassword, ownFolder, startWritten } from './written-gateway.ts';

test('a user and a key with hours come in within them alone, and explain says why not', async (context) => {
  const [port, folder, service] = [await freePort(), await ownFolder(context), await startService(context)];
  const text = `{ listen: "https://127.0.0.1:${port}", services: { web: { at: web.test, to: ${service.port}, access: [{ password: {} }, { key: {} }] } } }`;
  const home = join(folder, 'home');
  const command = async (code: number, ...words: readonly string[]): Promise<Readonly<Record<string, unknown>>> => {
    const terminal = scriptedTerminal({ home, env: { SALLYPORT_PASSWORD: goodPassword } });
    assert.equal(await runCommand([...words, '--json'], terminal), code, terminal.written());
    return terminal.events()[0] ?? {};
  };
  // Hours that were two days ago, and are in five: whatever the time of this machine.
  const other = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][(new Date().getUTCDay() + 5) % 7] ?? 'Mon';
  const never = `${other} 08:00-18:00 UTC`;
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const made = await command(0, 'keys', 'add', 'ci', '--until', until, '--hours', never);
  assert.deepEqual([made['expires'], made['hours']], [until, never]);
  const added = await command(0, 'users', 'add', 'ana', '--until', until, '--hours', never);
  assert.deepEqual([added['expires'], added['hours']], [until, never]);
  for (const words of [
    ['--until', 'tomorrow'],
    ['--until', until, '--for', '2h'],
    ['--hours', 'always'],
    ['--until', '2020-01-01T00:00:00Z'],
  ])
    assert.equal((await command(64, 'keys', 'add', 'cd', ...words))['code'], 'usage-wrong', words.join(' '));
  const { ca, gateway } = await startWritten(context, { folder, text });
  const url = `https://web.test:${port}/`;
  const visit = async (headers: Readonly<Record<string, string>>) => (await ask(url, { ca, headers })).status;
  const key = String(made['key']);
  assert.deepEqual([await visit(basic('ana', goodPassword)), await visit({ 'X-API-Key': key })], [403, 403]);
  assert.equal(await visit(basic('ana', 'a wrong one, of course')), 401, 'who has shown nothing right hears nothing of hours');
  const answer = await gateway.explain({ url, method: 'GET', from: '192.0.2.7', as: 'ana' });
  assert.match(answer.why, /within the hours of who asks: it is outside of their hours: /);
  await command(0, 'users', 'hours', 'ana', '--always');
  // The store tells the gateway within 300 ms.
  while ((await visit(basic('ana', goodPassword))) !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await visit({ 'X-API-Key': key }), 403);
  assert.ok(!(await gateway.explain({ url, method: 'GET', from: '192.0.2.7', as: 'ana' })).steps.some((step) => step.includes('hours')));
});
