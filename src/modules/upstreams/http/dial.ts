/** Dials a service, from the gateway's own loopback address where it has one. */

import type { Socket } from 'node:net';
import { SallyportError, type Code } from '../../../core/errors.ts';
import { dialCode } from '../../../core/system-error.ts';
import { LendingSocket } from './lending-socket.ts';
import type { Caller } from '../../../contracts/upstream.ts';

export type Target = Readonly<{ host: string; port: number; from: string | null }>;

/**
 * Resolves when the connection stands.
 * Errors: `upstream-refused` (nobody listens), `upstream-timed-out`, `upstream-unreachable`, `visitor-gone`.
 */
export function dial(target: Target, timeoutMs: number, caller: Caller): Promise<Socket> {
  const { signal } = caller;
  return new Promise((resolve, reject) => {
    const from = target.from !== null && target.host.includes('.') ? { localAddress: target.from } : {};
    const socket = new LendingSocket();
    socket.connect({ host: target.host, port: target.port, ...from });
    socket.setNoDelay(true);
    const fail = (code: Code, message: string, cause?: unknown): void => {
      socket.destroy();
      settle();
      reject(new SallyportError(code, message, { cause }));
    };
    const where = `${target.host}:${target.port}`;
    const timer = setTimeout(() => fail('upstream-timed-out', `the service at ${where} did not take the connection in time`), timeoutMs);
    const onAbort = (): void => fail('visitor-gone', 'the visitor closed the connection');
    const onError = (error: NodeJS.ErrnoException): void =>
      fail(dialCode(error), `the service at ${where} cannot be reached (${error.code ?? error.name})`, error);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      // A late error of a socket nobody waits for must not end the process.
      socket.off('error', onError).on('error', () => undefined);
    };
    socket.on('error', onError);
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}
