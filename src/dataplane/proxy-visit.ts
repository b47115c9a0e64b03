/** The client's side of an HTTPS proxy: TLS to its gateway, and one tunnel, or one request, that shows who asks. */

import type { TLSSocket } from 'node:tls';
import { hostPort } from '../core/address.ts';
import { askByHttp, absoluteHeadText, whyOf, type AskedWhy, type Shown, type Target } from '../core/egress/asking.ts';
import { SallyportError } from '../core/errors.ts';
import type { RequestHead } from '../core/http/head.ts';
import type { Limits } from '../core/limits.ts';
import { secureLine, unreachable, within, type LineOptions } from './visit.ts';

export type ProxyVisitOptions = LineOptions & Readonly<{ shown: Shown; limits: Limits }>;

/** The proxy does not lead there, and who asks is not to blame: for whoever asked, and not the end of anything. */
export class NotLed extends Error {
  readonly kind: Exclude<AskedWhy, 'credentials' | 'malformed'>;

  constructor(kind: NotLed['kind'], words: string) {
    super(words);
    this.kind = kind;
  }
}

/**
 * Resolves with a tunnel to the target. Errors: NotLed where the proxy leads elsewhere or nowhere; `connection-refused` where it
 * does not take the credential; `address-unreachable`, `certificate-untrusted`, `interrupted`.
 */
export async function tunnelTo(target: Target, options: ProxyVisitOptions): Promise<TLSSocket> {
  const socket = await secureLine(options);
  try {
    const asking = askByHttp(target, options.shown, options.limits);
    socket.write(asking.opening);
    await within(
      // The proxy looks a name up and dials it meanwhile.
      { ...options, timeoutMs: options.timeoutMs * 3 },
      socket,
      heard(socket, options, (bytes) => {
        const step = asking.push(bytes);
        if (step.is === 'open') return bytes.subarray(step.next);
        if (step.is === 'refused') throw problem(options, step.why, step.words);
        return null;
      }),
    );
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Bytes of an answer that are looked at: its first line. */
const refusedLine = 'HTTP/1.1 407';
const statusBytes = refusedLine.length;

/** The same for a request in absolute form: what follows its head is to be written by the caller. The answer is left in the stream. */
export async function requestBy(head: RequestHead, options: ProxyVisitOptions): Promise<TLSSocket> {
  const socket = await secureLine(options);
  socket.write(absoluteHeadText(head, options.shown), 'latin1');
  return socket;
}

/** Rejects when the answer says that the credential is not taken; its bytes stay in the stream. */
export function credentialTaken(socket: TLSSocket, options: ProxyVisitOptions): Promise<void> {
  let first = Buffer.alloc(0);
  return heard(socket, options, (bytes) => {
    first = Buffer.concat([first, bytes]);
    if (first.length < statusBytes) return null;
    if (first.toString('latin1', 0, statusBytes) === refusedLine) throw problem(options, whyOf(407, []), 'it says 407');
    return first;
  });
}

/** Reads until `reading` says what is left over, which stays in the stream; the stream is paused then. */
function heard(socket: TLSSocket, { host, port }: LineOptions, reading: (bytes: Buffer) => Buffer | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      socket.pause();
      socket.off('data', data);
      for (const event of ['end', 'close']) socket.off(event, gone);
      act();
    };
    const data = (bytes: Buffer): void => {
      try {
        const rest = reading(bytes);
        if (rest === null) return;
        settle(resolve);
        if (rest.length > 0) socket.unshift(rest);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const gone = (): void => settle(() => reject(unreachable(hostPort(host, port), 'it closed the connection')));
    socket.on('data', data);
    for (const event of ['end', 'close']) socket.on(event, gone);
    if (socket.destroyed) gone();
  });
}

function problem({ host, port }: LineOptions, why: AskedWhy, words: string): Error {
  const where = hostPort(host, port);
  if (why === 'malformed') return unreachable(where, words);
  if (why !== 'credentials') return new NotLed(why, words);
  return new SallyportError('connection-refused', `${where} does not take this credential (407).`, {
    hint: 'It is wrong, has ended or is for another proxy. Ask whoever runs it.',
  });
}
