/** The fault storm, for seconds: one of each fault under load, from `kill -9` to a line that forgets. And the storm itself: what is bad, it finds. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../e2e/ask.ts';
import { freePort } from '../e2e/free-port.ts';
import { withoutProc } from '../e2e/memory.ts';
import { freshHome } from '../e2e/program.ts';
import { answersAgain } from './storm/recovery.ts';
import { keepLogs, tablesOf } from './storm/report.ts';
import { runStorm, type StormOptions } from './storm/storm.ts';
import { Violations } from './storm/tally.ts';
import { Unit } from './storm/unit.ts';
import { serving } from './storm/world.ts';

/** Another one each day of a week, and the same for all who look into a failure. */
const seed = Number(process.env['STORM_SEED'] ?? Math.floor(Date.now() / 86_400_000) % 7);
const short: StormOptions = { seed, visitors: 14, seconds: null, relays: 2, gateways: 2, say: () => undefined };

test(
  'relays, gateways, services and lines are broken one after the other: nothing is wrong, all come back',
  { timeout: 85_000 },
  async (context) => {
    const report = await runStorm(context, short);
    for (const line of tablesOf(report).split('\n')) context.diagnostic(line);
    const kinds = new Set([...report.faults.keys()].map((name) => name.replace(/ .*/, '')));
    assert.deepEqual(
      [...kinds].toSorted((one, other) => (one < other ? -1 : 1)),
      ['delay', 'forget', 'freeze', 'half-close', 'kill', 'reset', 'restart', 'silence', 'throttle'],
    );
    for (const line of report.log) context.diagnostic(line);
    if (report.violations.count > 0) assert.fail(`${report.violations.all.join('\n')}\nThe logs are in ${await keepLogs(report)}`);
  },
);

test('the storm finds answers of others, bytes that changed, bodies cut short, leaks and deaths', { timeout: 60_000 }, async (context) => {
  const lies = [['nonce', 'corrupt', 'short', 'echo', 'leak'], ['die']];
  const { violations } = await runStorm(context, { ...short, lies, faults: false, settleMs: 2_000 });
  const signs: readonly RegExp[] = [
    /answered with the nonce of \/\w+/,
    /: other bytes at \d+ of \d+/,
    /: \d+ of \d+ bytes, and called complete/,
    /: a message of \d+ bytes, number \d+, where \d+ was due/,
    /service 2 ended by itself: exit code 1/,
    /service 2 said on standard error: [\s\S]*a fault that nobody handles/,
    ...(withoutProc === false ? [/service 1 has \d+ files open, \d+ before/, /service 1 has \d+ MB more in memory/] : []),
  ];
  for (const sign of signs)
    assert.ok(
      violations.all.some((violation) => sign.test(violation)),
      `${sign} is not among\n${violations.all.join('\n')}`,
    );
  // Nobody else is accused.
  assert.deepEqual(
    violations.all.filter((violation) => /relay|gateway/.test(violation)),
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

test('the storm sees that an address does not answer', async () => {
  const door = { url: new URL(`https://nobody.example.test:${await freePort()}`), ca: '', patienceMs: 200 };
  assert.equal(await answersAgain(door, performance.now(), 300, assert.fail), null);
});
