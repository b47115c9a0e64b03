/** The runtime's own reading of Latin-1, which the pure readers are handed. */

import type { Latin1 } from '../../../core/bytes.ts';

export const nativeLatin1: Latin1 = (bytes, start, end) => {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1', start, end);
};
