/** A relay that runs from its file, and follows it: in place, by an upgrade, or not at all. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { text } from './lines.ts';
import { freshHome, run } from './program.ts';

test('a relay follows its file, whole or not at all', { timeout: 60_000 }, async (context) => {
  const home = await freshHome(context);
  const file = join(home, 'relay.yaml');
  const write = (...lines: readonly string[]): void =>
    writeFileSync(file, ['domain: example.test', 'listen: https://127.0.0.1:0', ...lines].join('\n'));
  write('drain: 20s');
  const program = run(context, ['relay', '--config', file], { home });
  const first = await program.line('listening');
  assert.equal(first['domain'], 'example.test');

  // In place: the same process goes on.
  write('drain: 10s');
  await program.line('reloaded');

  write('drain: 1s', 'limits: { connectionsMaxx: 5 }');
  const wrong = await program.line('warning');
  assert.equal(wrong['code'], 'config-malformed');
  assert.match(text(wrong, 'message'), /line 4, column 11: limits\.connectionsMaxx: unknown key.*The old configuration stays\.$/);

  // By a new process, which has the same socket.
  write('drain: 1s', 'limits: { connectionsMax: 5 }');
  const second = await program.line('listening', ({ pid }) => pid !== first['pid']);
  assert.deepEqual(second['addresses'], first['addresses']);
  assert.equal((await program.line('leaving'))['why'], 'upgrade');
  assert.equal(program.lines.filter(({ event }) => event === 'warning').length, 1);
  assert.equal(await program.stop(), 0);
});
