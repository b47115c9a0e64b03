/** How what runs is ended and made to read its file again: by signal, and by command. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { run } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { freshHome } from './program.ts';

type Context = Parameters<typeof freshHome>[0];

/** A service that answers `/slow` when the test says so. */
async function slowService(context: Context) {
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => void (request.url === '/slow' ? held.push(response) : response.end('ok')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => (server.closeAllConnections(), void server.close()));
  const { port } = server.address() as AddressInfo;
  return { held, port };
}

async function gatewayBefore(context: Context, port: number) {
  const home = await freshHome(context);
  const config = join(home, 'sallyport.yaml');
  const write = (more = ''): Promise<void> =>
    writeFile(config, `listen: http://127.0.0.1:0\nnetwork: shared\nservices: { a: { to: ${port}, access: [public] } }\n${more}`);
  await write();
  const terminal = scriptedTerminal({ home, cwd: home });
  const running = run(['gateway', '--config', config, '--json'], terminal);
  context.after(async () => {
    terminal.signal('end');
    await running;
  });
  const ready = await seen(() => terminal.events().find(({ event }) => event === 'ready'), terminal.written);
  return { terminal, running, url: `${String(ready['url'])}/slow`, home, write };
}

async function seen<Value>(look: () => Value | undefined | Promise<Value | undefined>, said: () => string = String): Promise<Value> {
  for (let turns = 0; turns < 2_000; turns += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await wait(5);
  }
  throw new Error(`not seen: ${said()}`);
}

const textOf = (url: string): Promise<string> =>
  fetch(url).then(
    (response) => response.text(),
    () => 'cut',
  );

test('SIGTERM lets what runs end and takes nobody new; said twice it ends at once', async (context) => {
  const { held, port } = await slowService(context);
  for (const hasty of [false, true]) {
    const gateway = await gatewayBefore(context, port);
    const answer = textOf(gateway.url);
    await seen(() => held.at(-1));
    gateway.terminal.signal('end', true);
    await seen(() =>
      fetch(gateway.url.replace('slow', 'other')).then(
        () => undefined,
        () => true,
      ),
    );
    if (hasty) gateway.terminal.signal('end', true);
    else held.at(-1)?.end('whole');
    assert.equal(await answer, hasty ? 'cut' : 'whole');
    assert.equal(await gateway.running, 0);
    held.length = 0;
  }
});

test('reload says the mistake and keeps the old configuration; stop returns when it has ended', async (context) => {
  const { port } = await slowService(context);
  const gateway = await gatewayBefore(context, port);
  const ask = async (word: string) => {
    const terminal = scriptedTerminal({ home: gateway.home });
    return { code: await run([word, '--json'], terminal), said: terminal.events().at(-1) };
  };
  assert.deepEqual(await ask('reload'), { code: 0, said: { event: 'process', pid: process.pid, change: 'reloaded' } });
  await gateway.write('nonsense: 1\n');
  const wrong = await ask('reload');
  assert.deepEqual([wrong.code, wrong.said?.['code']], [78, 'config-malformed']);
  assert.equal(await textOf(gateway.url.replace('slow', 'other')), 'ok');
  assert.deepEqual(await ask('stop'), { code: 0, said: { event: 'process', pid: process.pid, change: 'stopped' } });
  assert.equal(await gateway.running, 0);
  assert.equal((await ask('stop')).said?.['code'], 'process-missing');
});
