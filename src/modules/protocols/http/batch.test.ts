/** What is put together for one write outlives the turn in which it was put together. */

import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { Batch, LENT_BYTES_MAX } from './batch.ts';

describe('a batch', () => {
  it('cross-visitor leak: keeps nothing of what was lent to it, whatever stands beside it', () => {
    for (const text of [0, 10, 16_500, 40_000]) {
      const lent = Buffer.alloc(LENT_BYTES_MAX, 'a');
      const kept: Buffer[] = [];
      // A visitor who does not read: nothing is taken before the turn is over.
      const stream = new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _encoding, _done) => void kept.push(chunk),
        writev: (chunks) => void kept.push(...chunks.map(({ chunk }) => chunk as Buffer)),
      });
      const batch = new Batch();
      if (text > 0) batch.text('h'.repeat(text));
      batch.span(lent);
      stream.cork();
      batch.flush(stream);
      lent.fill('b');
      stream.uncork();
      stream.destroy();
      assert.ok(kept.some((each) => each.includes('a')));
      for (const each of kept) assert.ok(!each.includes('b'), `${text} bytes of head`);
    }
  });
});
