/** `kill -9` of relay, gateway and service under load: nothing is mixed up, nothing is lost, and the address lives again by itself. */

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask, basic } from '../e2e/ask.ts';
import { freePort } from '../e2e/free-port.ts';
import { text } from '../e2e/lines.ts';
import { invitation, joinedHome, relayProgram } from '../e2e/machines.ts';
import { freshHome, run, runToEnd } from '../e2e/program.ts';
import { startSwarm } from './swarm.ts';

type Context = Parameters<typeof freshHome>[0];
const password = 'four unrelated words here';
const script = fileURLToPath(new URL('checked-service.ts', import.meta.url));

/** The service in a process of its own; `twice` gathers requests that it was sent again. */
async function service(context: Context, port: number, twice: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(async () => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  const listening = once(lines, 'line');
  lines.on('line', (line) => line.includes('twice') && twice.push(line));
  await listening;
  return child;
}

/** Waits until that process is really gone. */
async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** A copy is looked at, as a backup would be: the store of a running process is not touched. */
async function integrityOf(context: Context, home: string): Promise<string> {
  const copy = await freshHome(context);
  await cp(home, copy, { recursive: true, filter: (source) => !source.endsWith('.sock') });
  const database = new DatabaseSync(join(copy, 'store.sqlite'));
  assert.ok(Number(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.['tables']) > 0, 'it is no empty one');
  const [row] = database.prepare('PRAGMA integrity_check').all();
  database.close();
  return String(row?.['integrity_check']);
}

test('kill -9 of relay, gateway and service in turn, and a relay that hangs', { timeout: 60_000 }, async (context) => {
  const twice: string[] = [];
  const servicePort = await freePort();
  let serving = await service(context, servicePort, twice);
  let relay = await relayProgram(context);
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  assert.equal((await runToEnd(context, ['users', 'add', 'ana'], { home, env: { SALLYPORT_PASSWORD: password } })).code, 0);
  const config = join(home, 'sallyport.yaml');
  const access = 'access: [{ password: {} }, { link: {} }]';
  await writeFile(config, `relay: 127.0.0.1:${relay.port}\nservices:\n  blog: { to: ${servicePort}, ${access} }\n`);
  let gateway = run(context, ['up', '--config', config], { home });
  const ready = await gateway.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  const link = (await runToEnd(context, ['links', 'add', 'blog'], { home })).lines[0];
  const swarm = startSwarm(context, { url, ca, visitors: 20, headers: basic('ana', password) });
  // Somebody signs in all the time, so that the store is written to when its process dies.
  const signing = new AbortController();
  // Also where the test fails: nobody else would end it.
  context.after(async () => signing.abort());
  const signer = (async () => {
    while (!signing.signal.aborted) {
      await ask(text(link, 'url'), { ca }).catch(() => null);
      await pause(20);
    }
  })();
  const since = async (what: string, from: number): Promise<void> => {
    await swarm.goodAgain(200);
    context.diagnostic(`${what}: 200 more good answers after ${Math.round(performance.now() - from)} ms`);
  };
  await since('from the start', performance.now());

  let from = performance.now();
  await killed(relay.program.child);
  relay = await relayProgram(context, { home: relay.home, port: relay.port });
  await since('relay killed and started again', from);

  from = performance.now();
  await killed(gateway.child);
  gateway = run(context, ['up', '--config', config], { home });
  assert.equal((await gateway.line('ready'))['url'], url);
  await since('gateway killed and started again', from);

  from = performance.now();
  await killed(serving);
  serving = await service(context, servicePort, twice);
  await since('service killed and started again', from);

  from = performance.now();
  process.kill(relay.pid, 'SIGSTOP');
  await pause(2_000);
  process.kill(relay.pid, 'SIGCONT');
  await since('relay stopped for 2 s', from);

  signing.abort();
  await Promise.all([swarm.stop(), signer]);
  context.diagnostic(`${swarm.good()} good answers, ${JSON.stringify(swarm.failures())}`);
  assert.deepEqual([swarm.wrong, twice], [[], []]);
  assert.deepEqual([await integrityOf(context, home), await integrityOf(context, relay.home)], ['ok', 'ok']);
  const users = await runToEnd(context, ['users', 'list'], { home });
  assert.deepEqual(
    users.lines.map(({ name }) => name),
    ['ana'],
  );
  const links = await runToEnd(context, ['links', 'list'], { home });
  assert.deepEqual(
    links.lines.map(({ id }) => id),
    [link?.['id']],
  );
  const gateways = await runToEnd(context, ['relay', 'gateways', 'list'], { home: relay.home });
  assert.deepEqual(gateways.lines[0]?.['names'], ['blog']);
  for (const program of [relay.program, gateway]) {
    assert.deepEqual(
      program.lines.filter(({ event }) => event === 'error'),
      [],
    );
    assert.equal(program.stderr(), '');
    assert.equal(await program.stop(), 0);
  }
});

test('a second relay on the same address says in one sentence that it is taken', async (context) => {
  const first = await relayProgram(context);
  const words = ['relay', '--listen', `127.0.0.1:${first.port}`, '--domain', 'example.test'];
  const second = await runToEnd(context, words, { home: await freshHome(context) });
  assert.deepEqual([second.code, second.lines.map(({ code }) => code), second.stderr], [69, ['address-in-use'], '']);
  assert.match(text(second.lines[0], 'message'), new RegExp(`127\\.0\\.0\\.1:${first.port}`));
});
