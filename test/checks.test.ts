/** The tools of the house, each as a test: types, lint, format, dead code. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The Go runtime of tsc and oxlint collects garbage as if memory were short, and checks on every core what other tests wait for. One
 * thread that does not collect below a gigabyte takes half of the CPU: 8 s of 17.
 */
const frugal = { GOGC: 'off', GOMEMLIMIT: '1GiB', GOMAXPROCS: '1' };

/** Runs a tool by its script, on the Node that runs the tests; what it says is the message of the failure. */
function passes(script: string, ...words: readonly string[]): void {
  const env = { ...process.env, ...frugal, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' };
  const run = spawnSync(process.execPath, [join(root, 'node_modules', script), ...words], { cwd: root, env, encoding: 'utf8' });
  if (run.status !== 0) assert.fail(`${script} ${words.join(' ')}\n${run.stdout}${run.stderr}`);
}

/** What tsc and knip know of each file, with its errors, beside the kept code of the tests: whoever runs them again pays for what has changed. */
const known = (of: string): string => join('node_modules', '.tests', of);

test('the types hold', () => {
  passes('@typescript/native/bin/tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', known('types.tsbuildinfo'));
});

test('core needs no types of Node or the web', () => {
  passes('@typescript/native/bin/tsc', '-p', 'tsconfig.core.json');
});

test('lint finds nothing, with the types in view', () => {
  passes('oxlint/bin/oxlint', '--type-aware', '--format=unix', '--deny-warnings');
});

test('the format is kept (npm run format mends it)', () => {
  passes('oxfmt/bin/oxfmt', '--check');
});

test('no file, export or dependency is dead', () => {
  passes('knip/bin/knip.js', '--no-progress', '--no-config-hints', '--cache', '--cache-location', known('knip'));
});
