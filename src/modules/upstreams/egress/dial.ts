/** Dials addresses that were judged, and nothing else: one after the other, the next beside one that is silent (RFC 8305). */

import type { Socket } from 'node:net';
import { hostPort, type Ip } from '../../../core/address.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { dialCode, systemCode } from '../../../core/system-error.ts';
import { DestinationSocket } from './destination-socket.ts';

/** Begins to connect. The host is an address, never a name: nothing is resolved here. */
export type Connect = (to: Readonly<{ host: string; port: number }>) => Socket;

export const connectByNetwork: Connect = ({ host, port }) => new DestinationSocket().connect({ host, port }).setNoDelay(true);

type DialLimits = Pick<Limits, 'dialMs' | 'dialStaggerMs'>;

/**
 * Resolves with the first connection that stands; the others are ended.
 * Errors: `upstream-refused`, `upstream-unreachable`, `upstream-timed-out`, `upstream-broken`, `visitor-gone`.
 */
export function dialFirst(
  addresses: readonly Ip[],
  port: number,
  { connect, limits, signal }: Readonly<{ connect: Connect; limits: DialLimits; signal: AbortSignal }>,
): Promise<Socket> {
  const waiting = interleaved(addresses);
  return new Promise((resolve, reject) => {
    /** With what each of them does about an error. */
    const trying = new Map<Socket, (error: Error) => void>();
    let failure: SallyportError | null = null;
    let stagger: NodeJS.Timeout | null = null;
    const settle = (socket: Socket | null, error: SallyportError | null): void => {
      clearTimeout(timer);
      if (stagger !== null) clearTimeout(stagger);
      signal.removeEventListener('abort', gone);
      if (socket !== null) forget(socket, trying.get(socket));
      for (const each of trying.keys()) if (each !== socket) each.destroy();
      trying.clear();
      waiting.length = 0;
      if (socket !== null) resolve(socket);
      else reject(error ?? new SallyportError('upstream-unreachable', 'the destination cannot be reached'));
    };
    const gone = (): void => settle(null, new SallyportError('visitor-gone', 'the visitor closed the connection'));
    const timer = setTimeout(
      () => settle(null, new SallyportError('upstream-timed-out', 'the destination did not take the connection in time')),
      limits.dialMs,
    );
    const next = (): void => {
      if (stagger !== null) clearTimeout(stagger);
      const ip = waiting.shift();
      if (ip === undefined) {
        if (trying.size === 0) settle(null, failure);
        return;
      }
      const socket = connect({ host: ip.text, port });
      socket.once('connect', () => settle(socket, null));
      const failed = (error: Error): void => {
        if (!trying.delete(socket)) return;
        const said = `the destination ${hostPort(ip.text, port)} cannot be reached (${systemCode(error) ?? 'unnamed'})`;
        failure = new SallyportError(dialCode(error), said, { cause: error });
        next();
      };
      trying.set(socket, failed);
      socket.on('error', failed);
      stagger = waiting.length === 0 ? null : setTimeout(next, limits.dialStaggerMs);
    };
    if (signal.aborted) return gone();
    signal.addEventListener('abort', gone);
    next();
  });
}

/** What was tried is not held by a connection that lasts; a late error that nobody waits for must not end the process all the same. */
function forget(socket: Socket, failed: ((error: Error) => void) | undefined): void {
  socket.on('error', ignore);
  if (failed !== undefined) socket.off('error', failed);
}

function ignore(): void {}

/** Both versions in turn, IPv6 first (RFC 8305, 4). */
function interleaved(addresses: readonly Ip[]): Ip[] {
  const [six, four] = [addresses.filter(({ version }) => version === 6), addresses.filter(({ version }) => version === 4)];
  const mixed = Array.from({ length: Math.max(six.length, four.length) }, (_none, at) => [six[at], four[at]]).flat();
  return mixed.filter((ip) => ip !== undefined);
}
