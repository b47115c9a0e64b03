/** What runs in a process of tests: file after file of a group that `test-plan.mjs` made. */

import { existsSync, readFileSync } from 'node:fs';
import { afterEach, mock, suite, test } from 'node:test';

/** A file that cannot be loaded is a failed test with its name, and the others are run. */
export function runFiles(name, files) {
  if (process.env['SALLYPORT_TEST_COSTS'] !== undefined)
    process.once('exit', () => process.stderr.write(`${spentSeconds().toFixed(1)} s of CPU: ${name}\n`));
  // A clock that one file stopped would stand still for the next.
  afterEach(() => mock.reset());
  for (const [file, url] of files) {
    // A suite of its own: what a file does before and after its tests is done when they run, and not when the process begins.
    // The import must begin in the suite's own turn: whatever is awaited before it, and the tests would be nobody's.
    void suite(file, () =>
      import(url).catch((error) => {
        test(`${file} can be loaded`, () => {
          throw error;
        });
      }),
    );
  }
}

/** Of this process, and on Linux of its children that have ended: fields 16 and 17 of proc_pid_stat(5), in hundredths. */
function spentSeconds() {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const stat = existsSync('/proc/self/stat') ? readFileSync('/proc/self/stat', 'utf8') : ') ';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (userCPUTime + systemCPUTime) / 1e6 + (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / 100;
}
