/** What a bounded memory forgets. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Memo } from './memo.ts';

describe('memo', () => {
  test('forgets what was used longest ago', () => {
    const memo = new Memo<number>(2, 1_000);
    memo.set('a', 1, 0);
    memo.set('b', 2, 0);
    assert.equal(memo.get('a', 1), 1);
    memo.set('c', 3, 1);
    assert.equal(memo.get('b', 1), undefined);
    assert.equal(memo.get('a', 1), 1);
    assert.equal(memo.size, 2);
  });

  test('forgets after its time, however often it is used', () => {
    const memo = new Memo<number>(2, 1_000);
    memo.set('a', 1, 0);
    assert.equal(memo.get('a', 999), 1);
    assert.equal(memo.get('a', 1_000), undefined);
    assert.equal(memo.size, 0);
  });

  test('forgets when told', () => {
    const memo = new Memo<number>(2, 1_000);
    memo.set('a', 1, 0);
    memo.delete('a');
    assert.equal(memo.get('a', 1), undefined);
  });
});
