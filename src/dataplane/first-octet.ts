/** What a connection begins with, without taking it away: one port may speak more than one protocol. */

import type { Deadlines } from '../contracts/protocol.ts';
import type { Stream } from '../contracts/stream.ts';

/**
 * Resolves with the first octet, which stays in the stream; the stream is paused then. Null when it ended, or said nothing for
 * so long: it is destroyed then. Never rejects.
 */
export function firstOctet(stream: Stream, deadlines: Deadlines, withinMs: number): Promise<number | null> {
  return new Promise((resolve) => {
    const settle = (octet: number | null): void => {
      deadlines.delete(deadline);
      stream.off('data', data);
      stream.off('end', gone);
      stream.off('close', gone);
      if (octet === null) stream.destroy();
      resolve(octet);
    };
    const gone = (): void => settle(null);
    const deadline = { at: deadlines.time() + withinMs, expire: gone };
    const data = (chunk: Buffer): void => {
      stream.pause();
      stream.unshift(chunk);
      settle(chunk[0] ?? null);
    };
    // To the very end: a second error can follow a destroy.
    stream.on('error', () => undefined);
    deadlines.add(deadline);
    stream.on('data', data);
    stream.on('end', gone);
    stream.on('close', gone);
    if (stream.destroyed) gone();
  });
}
