/** Large content that anybody can check: the same bytes each time, streamed and never held. */

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

const blockBytes = 65_536;
const bytesMax = 10_000_000_000;
const units: Readonly<Record<string, number>> = { B: 1, KB: 1_000, MB: 1_000_000, GB: 1_000_000_000 };

/** `200MB` → 200,000,000; null for what is no size, or too large a one. */
export function sizeOf(words: string): number | null {
  const [, count, unit] = /^(\d{1,10})(B|KB|MB|GB)$/.exec(words) ?? [];
  const bytes = Number(count) * (units[unit ?? ''] ?? NaN);
  return Number.isSafeInteger(bytes) && bytes <= bytesMax ? bytes : null;
}

/** One block of noise (xorshift32), so that no compression on the way can flatter. */
const noise = ((): Buffer => {
  const block = Buffer.alloc(blockBytes);
  let state = 0x5a11;
  for (let at = 0; at < blockBytes; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block.writeInt32LE(state | 0, at);
  }
  return block;
})();

/** Each block begins with its number: a block that is lost, doubled or out of order changes the sum. */
function* blocks(bytes: number): Generator<Buffer> {
  for (let at = 0, number = 0; at < bytes; at += blockBytes, number++) {
    const block = Buffer.from(noise.subarray(0, Math.min(blockBytes, bytes - at)));
    if (block.length >= 4) block.writeUInt32LE(number, 0);
    yield block;
  }
}

export function bulk(bytes: number): Readable {
  return Readable.from(blocks(bytes), { objectMode: false, highWaterMark: 4 * blockBytes });
}

const sums = new Map<number, Promise<string>>();

/** The SHA-256 of `bulk(bytes)`, in hex; worked out once for each size. */
export function bulkSum(bytes: number): Promise<string> {
  const sum =
    sums.get(bytes) ??
    bulk(bytes)
      .pipe(createHash('sha256'))
      .toArray()
      .then(([digest]) => (digest as Buffer).toString('hex'));
  if (sums.size < 100) sums.set(bytes, sum);
  return sum;
}
