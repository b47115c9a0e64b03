/** The storm's own eye: what is bad, it finds, and it accuses nobody else. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../e2e/ask.ts';
import { freePort } from '../e2e/free-port.ts';
import { withoutProc } from '../e2e/memory.ts';
import { freshHome } from '../e2e/program.ts';
import { serving } from './storm/begin.ts';
import { answersAgain, probeOf } from './storm/recovery.ts';
import { judgeSeen } from './storm/remains.ts';
import { runStorm } from './storm/storm.ts';
import { Violations } from './storm/tally.ts';
import { Unit } from './storm/unit.ts';
import { doorTo } from './storm/visit.ts';

test('the storm finds answers of others, bytes that changed, bodies cut short, leaks and deaths', { timeout: 60_000 }, async (context) => {
  const lies = [['nonce', 'corrupt', 'short', 'echo', 'raw', 'leak'], ['die']];
  const early: readonly RegExp[] = [
    /answered with the nonce of \/\w+/,
    /: other bytes at \d+ of \d+/,
    /: \d+ of \d+ bytes, and called complete/,
    /: a message of \d+ bytes, number \d+, where \d+ was due/,
    /^(tcp|connect) [\w-]+: other bytes at \d+ of \d+/,
    /^udp [\w-]+: a datagram of \d+ bytes that was not sent/,
    /service 2 ended by itself: exit code 1/,
    /service 2 said on standard error: [\s\S]*a fault that nobody handles/,
  ];
  const late = withoutProc === false ? [/service 1 has \d+ files open, \d+ before/, /service 1 has \d+ MB more in memory/] : [];
  const missing = (found: readonly string[], signs: readonly RegExp[]): readonly RegExp[] =>
    signs.filter((sign) => !found.some((violation) => sign.test(violation)));
  const { violations } = await runStorm(context, {
    seed: 1,
    visitors: 30,
    seconds: 30,
    short: true,
    relays: 1,
    gateways: 2,
    lies,
    // So many wrong answers are as many requests, each of which leaks.
    calmUntil: (found) => missing(found, early).length === 0 && found.length >= 80,
    pauseMs: [100, 400],
    settleMs: 2_000,
    say: () => undefined,
  });
  assert.deepEqual(missing(violations.all, [...early, ...late]), [], violations.all.join('\n'));
  // Nobody else is accused: a program is named by its number, a stream by its nonce.
  assert.deepEqual(
    violations.all.filter((violation) => /^(relay|gateway|connect) \d+ /.test(violation)),
    [],
  );
});

test('the storm finds what reached the service twice, also when it was killed between', async (context) => {
  const [port, seen] = [await freePort(), join(await freshHome(context), 'seen')];
  const violations = new Violations(() => undefined);
  const unit = new Unit('service', 'service', () => serving(context, [String(port), seen]), violations);
  context.after(async () => unit.abandon());
  await unit.start();
  const path = '/post/0/once';
  const post = () => ask(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: '' });
  assert.equal((await post()).status, 200);
  await unit.kill();
  while ((await post().catch(() => null)) === null) await pause(50);
  await unit.end();
  assert.deepEqual(violations.all, [`service: ${path} came twice`]);
});

test('the storm finds what reached two services', async (context) => {
  const home = await freshHome(context);
  const files = ['one', 'two'].map((name) => join(home, name));
  for (const file of files) writeFileSync(file, `/post/0/${file}\n/post/0/both\n`);
  const violations = new Violations(() => undefined);
  judgeSeen([...files, join(home, 'none')], violations);
  assert.deepEqual(violations.all, ['/post/0/both came to two services']);
});

test('the storm sees that an address does not answer', async () => {
  const door = doorTo(`https://nobody.example.test:${await freePort()}`, '', 200);
  assert.equal(await answersAgain(probeOf(door), performance.now(), 300, assert.fail), null);
});
