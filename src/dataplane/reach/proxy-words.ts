/** Reads what a proxy says before the line is ours: in order, bounded, and nothing behind it. */

import type { Socket } from 'node:net';

/** What the bytes have come to: the value, or null while more is needed. Throws what is wrong with them. */
export type Reading<Value> = (bytes: Buffer) => Value | null;

/**
 * Hands each piece to `reading` until it has its value. The socket is paused again then.
 * Rejects with what `reading` throws, and with `gone` when the socket ends first.
 */
export function readWords<Value>(socket: Socket, reading: Reading<Value>, gone: (why: string) => Error): Promise<Value> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      socket.pause();
      socket.off('data', data);
      socket.off('end', ended);
      socket.off('close', ended);
      act();
    };
    const data = (bytes: Buffer): void => {
      try {
        const value = reading(bytes);
        if (value !== null) settle(() => resolve(value));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const ended = (): void => settle(() => reject(gone('it closed the connection before it had answered')));
    if (socket.destroyed) return ended();
    socket.on('data', data);
    socket.once('end', ended);
    socket.once('close', ended);
    socket.resume();
  });
}
