import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIds } from './ids.ts';

const draw = (): Uint8Array => Uint8Array.from([0, 31, 32, 255, 1, 2, 3, 4]);

test('ids are 26 characters, unique, and sort by time and then by order', () => {
  let now = 1_700_000_000_000;
  const newId = createIds(() => now, draw);
  const ids: string[] = [];
  for (let each = 0; each < 5_000; each += 1) {
    if (each % 700 === 0) now += 1;
    ids.push(newId());
  }
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id)));
  assert.deepEqual(ids.toSorted(), ids);
});

test('two processes of the same millisecond differ by what they drew', () => {
  const one = createIds(() => 5, draw)();
  const other = createIds(
    () => 5,
    () => new Uint8Array(8).fill(9),
  )();
  assert.notEqual(one, other);
});
