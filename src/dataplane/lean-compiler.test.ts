import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';

const lean = new URL('lean-compiler.ts', import.meta.url).href;

/** What Maglev says that it puts into the functions of a warm loop. */
function inlined(first: string): number {
  const warm = `
    const inner = (x) => (x * 3) ^ (x >> 2);
    const outer = (x) => inner(x) + inner(x + 1);
    for (let at = 0; at < 1800; at += 1) { outer(at); if (at % 300 === 0) await new Promise((next) => setTimeout(next, 20)); }`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--trace-maglev-inlining', '--input-type=module', '--eval', `${first};${warm}`],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.match(/== Inlining/g)?.length ?? 0;
}

it('Maglev compiles what is warm without all that it calls', () => {
  assert.ok(inlined('') > 0, 'nothing became warm');
  assert.equal(inlined(`(await import('${lean}')).compileLean()`), 0);
});
