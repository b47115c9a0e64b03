/** Dials a service, from the gateway's own loopback address where it has one. */

import { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { SallyportError, type Code } from '../../../core/errors.ts';
import { dialCode, systemCode } from '../../../core/system-error.ts';
import { LendingSocket } from './lending-socket.ts';
import type { Caller } from '../../../contracts/upstream.ts';
import type { Secure } from './trust.ts';

export type Target = Readonly<{
  host: string;
  port: number;
  from: string | null;
  /** The path of a unix socket, which is dialled instead. */
  socket?: string | null;
  /** Null in the clear. */
  secure?: Secure | null;
}>;

/** What is begun before TLS: a PROXY header. */
export type Preamble = (socket: Socket) => void;

/**
 * Resolves when the connection stands, and the service has shown who it is where it is asked over TLS.
 * Errors: `upstream-refused` (nobody listens), `upstream-timed-out`, `upstream-unreachable`, `upstream-untrusted`, `visitor-gone`.
 */
export function dial(target: Target, timeoutMs: number, caller: Caller, preamble?: Preamble): Promise<Socket> {
  const { signal } = caller;
  const { secure = null, socket: path = null } = target;
  return new Promise((resolve, reject) => {
    const from = target.from !== null && target.host.includes('.') ? { localAddress: target.from } : {};
    // TLS reads from the system itself: what lends its buffer is for the clear.
    const plain: Socket = secure === null ? new LendingSocket() : new Socket({ allowHalfOpen: true });
    let socket: Socket = plain;
    if (path === null) plain.connect({ host: target.host, port: target.port, ...from }).setNoDelay(true);
    else plain.connect({ path });
    const fail = (code: Code, message: string, cause?: unknown): void => {
      // The outer one alone: it takes the inner one with it, and Node crashes when that goes first in the midst of a handshake.
      socket.destroy();
      settle();
      reject(new SallyportError(code, message, { cause }));
    };
    const where = path ?? `${target.host}:${target.port}`;
    const timer = setTimeout(() => fail('upstream-timed-out', `the service at ${where} did not take the connection in time`), timeoutMs);
    const onAbort = (): void => fail('visitor-gone', 'the visitor closed the connection');
    const onError = (error: NodeJS.ErrnoException): void => {
      if (socket !== plain && isOfTls(error))
        fail('upstream-untrusted', `the service at ${where} is not trusted (${systemCode(error)})`, error);
      else fail(dialCode(error), `the service at ${where} cannot be reached (${error.code ?? error.name})`, error);
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      // A late error of a socket nobody waits for must not end the process.
      for (const each of new Set([plain, socket])) each.off('error', onError).on('error', () => undefined);
    };
    const done = (): void => {
      settle();
      resolve(socket);
    };
    plain.on('error', onError);
    plain.once('connect', () => {
      preamble?.(plain);
      if (secure === null) return done();
      const tls: TLSSocket = connect({ ...secure.options(), socket: plain });
      socket = tls;
      tls.on('error', onError);
      tls.once('secureConnect', () => {
        const objection = secure.objection(tls);
        if (objection === null) done();
        else fail('upstream-untrusted', `the service at ${where} is not trusted: ${objection}`);
      });
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}

/** Of the handshake, by OpenSSL's and Node's names for it; what the network did has names of its own. */
function isOfTls(error: unknown): boolean {
  return /CERT|SELF_SIGNED|ISSUER|ALTNAME|UNABLE_TO|SSL|TLS/.test(systemCode(error) ?? '');
}
