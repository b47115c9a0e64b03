/** The fault storm for a minute: one of each fault under a load of 200 visitors, and then what costs little, from `kill -9` to a line that forgets and a gateway that stands in for another. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kinds } from './storm/fault-list.ts';
import { keepLogs, tablesOf } from './storm/report.ts';
import { runStorm } from './storm/storm.ts';

/** Another one each day of a week, and the same for all who look into a failure. */
const seed = Number(process.env['STORM_SEED'] ?? Math.floor(Date.now() / 86_400_000) % 7);

test(
  'relays, gateways, services and lines are broken one after the other: nothing is wrong, all come back',
  // A busy machine takes its time: no fault is over before all have answered again.
  { timeout: 600_000 },
  async (context) => {
    const storm = { seed, visitors: 200, seconds: 60, short: true, relays: 2, gateways: 2, say: () => undefined };
    const report = await runStorm(context, storm);
    for (const line of tablesOf(report).split('\n')) context.diagnostic(line);
    const came = new Set([...report.faults.keys()].map((name) => name.replace(/ .*/, '')));
    assert.deepEqual(
      [...kinds].filter((kind) => !came.has(kind)),
      [],
    );
    for (const line of report.log) context.diagnostic(line);
    if (report.violations.count > 0) assert.fail(`${report.violations.all.join('\n')}\nThe logs are in ${await keepLogs(report)}`);
  },
);
