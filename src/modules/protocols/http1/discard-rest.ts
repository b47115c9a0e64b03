/** The end of a connection whose visitor may still be sending: what was said last must not be lost to a reset. */

import type { Duplex } from 'node:stream';

/**
 * Ends our side and throws away what still comes, `bytesMax` at most: closing at once with unread bytes
 * would send a reset, and that can overtake the answer (RFC 9112, 9.6). `said` is called when all that was written has been taken.
 */
export function discardRest(stream: Duplex, bytesMax: number, said: () => void): void {
  let bytes = 0;
  stream.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > bytesMax) stream.destroy();
  });
  stream.end(said);
  stream.resume();
}
