/** In a process of its own: what others make meanwhile would be marked as well. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, it } from 'node:test';
import { letHeapGrow } from './heap-growth.ts';

/** Bytes of all that is not young. */
function oldBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name: name }) => !name.startsWith('new_'));
  return old.reduce((sum, { space_used_size: used }) => sum + used, 0);
}

function collector(): (options: Readonly<{ type: 'minor' | 'major' }>) => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  assert.ok(typeof gc === 'function');
  return (options) => void Reflect.apply(gc, undefined, [options]);
}

describe('the heap', () => {
  it('is marked when there is two and a half times of what was in use, and not at four times', async () => {
    letHeapGrow();
    const collect = collector();
    const live = Array.from({ length: 150_000 }, (_, at) => ({ at, of: [at] }));
    collect({ type: 'minor' });
    collect({ type: 'minor' });
    collect({ type: 'major' });
    const before = oldBytes();
    // What lives for some small collections and no longer, as what waits for an acknowledgement.
    const waiting: unknown[] = Array.from({ length: 30_000 });
    const peaks: number[] = [];
    let last = before;
    for (let turn = 0; turn < 300 && peaks.length < 3; turn += 1) {
      for (let at = 0; at < 4_000; at += 1) waiting[(turn * 4_000 + at) % waiting.length] = { turn, at, of: [turn, at] };
      if (turn % 3 === 0) collect({ type: 'minor' });
      const now = oldBytes();
      if (now < last * 0.8) peaks.push(last / before);
      last = now;
      await sleep(1);
    }
    assert.equal(live.length, 150_000);
    assert.ok(peaks.length > 0, 'it was never marked');
    for (const peak of peaks) assert.ok(peak > 2 && peak < 3.5, `it was marked at ${peak.toFixed(2)} of what was in use`);
  });
});
