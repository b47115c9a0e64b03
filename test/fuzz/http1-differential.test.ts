/** A short run of the differential fuzz: what we accept, llhttp reads the same. */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { run, words } from './http1-differential.ts';

const seed = Number(process.env['SALLYPORT_SEED'] ?? randomInt(2 ** 31));

test(`20,000 connections are read as llhttp reads them (SALLYPORT_SEED=${seed})`, async (t) => {
  const report = await run(20_000, seed);
  t.diagnostic(words(report, seed));
  assert.equal(report.disagreements.length, 0, words(report, seed));
  // A fuzz that reads nothing finds nothing.
  assert.ok(report.agreed > 5_000, `only ${report.agreed} requests were read by both`);
  assert.ok(report.stricter.size > 10, 'hardly a mistake was made');
});
