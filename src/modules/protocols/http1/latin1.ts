/** The runtime's own reading of Latin-1, which the pure readers are handed. */

import type { Latin1 } from '../../../core/bytes.ts';

export const nativeLatin1: Latin1 = (bytes, start, end) =>
  Buffer.isBuffer(bytes) ? bytes.latin1Slice(start, end) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice(start, end);
