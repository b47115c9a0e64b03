/** Bytes that are kept cost what they weigh, however small the pieces in which they come. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PackedBytes } from './packed-bytes.ts';

const whole = (packed: PackedBytes): Buffer => Buffer.concat(packed.take());

describe('packed bytes', () => {
  it('memory: a hundred thousand pieces of one byte are kept as a few', () => {
    const packed = new PackedBytes();
    const piece = Buffer.alloc(65_536, 'x').subarray(7, 8);
    for (let count = 0; count < 100_000; count += 1) packed.push(piece);
    assert.equal(packed.bytes, 100_000);
    const pieces = packed.take();
    assert.ok(pieces.length <= 8, `${pieces.length} pieces`);
    assert.ok(Buffer.concat(pieces).equals(Buffer.alloc(100_000, 'x')));
  });

  it('memory: a small piece does not keep the large one that it was cut from', () => {
    const large = Buffer.alloc(65_536, 'a');
    const packed = new PackedBytes();
    packed.push(large.subarray(0, 10));
    large.fill('b');
    assert.equal(whole(packed).toString(), 'a'.repeat(10));
  });

  it('keeps small and large ones in their order, and nothing once they were taken', () => {
    const packed = new PackedBytes();
    const wanted: Buffer[] = [];
    for (const [index, length] of [1, 5_000, 2, 3, 70_000, 4_095, 1, 4_096, 20_000, 9].entries()) {
      const piece = Buffer.alloc(length, index);
      wanted.push(piece);
      packed.push(piece);
    }
    assert.ok(whole(packed).equals(Buffer.concat(wanted)));
    assert.equal(packed.bytes, 0);
    packed.push(Buffer.from('z'));
    assert.equal(whole(packed).toString(), 'z');
  });
});
