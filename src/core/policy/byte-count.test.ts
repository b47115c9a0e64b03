import assert from 'node:assert/strict';
import { it } from 'node:test';
import { countedOn, noBytes } from './byte-count.ts';

it('clock set back: what was used stays used, and the next day begins anew as ever', () => {
  const first = countedOn(noBytes, { day: '2026-11-21', month: '2026-11' }, 100);
  assert.deepEqual(first, { day: '2026-11-21', dayBytes: 100, month: '2026-11', monthBytes: 100 });
  const back = countedOn(first, { day: '2026-10-03', month: '2026-10' }, 10);
  assert.deepEqual([back.dayBytes, back.monthBytes], [110, 110]);
  const right = countedOn(back, { day: '2026-10-04', month: '2026-10' }, 1);
  assert.deepEqual([right.dayBytes, right.monthBytes], [1, 111]);
  const next = countedOn(right, { day: '2026-11-01', month: '2026-11' });
  assert.deepEqual([next.dayBytes, next.monthBytes], [0, 0]);
});
