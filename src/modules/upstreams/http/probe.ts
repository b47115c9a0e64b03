/** Asks a service, to see whether it answers. */

import type { Duplex } from 'node:stream';
import { SallyportError } from '../../../core/errors.ts';
import { latin1 } from '../../../core/bytes.ts';
import { ResponseReader } from '../../../core/http/response-reader.ts';
import type { Limits } from '../../../core/limits.ts';
import { lends } from '../../../core/lent.ts';

export type Asking = Readonly<{ path: string | null; host: string; signal: AbortSignal; limits: Limits }>;

/**
 * A GET of a path must be answered with 2xx or 3xx. Without one any answer will do to `OPTIONS *`, which asks a server for
 * nothing (RFC 9110, 9.3.7): a hung process takes connections, for the system does that, and a sick one may still refuse.
 * The stream is destroyed, whatever comes of it.
 * Errors: `upstream-broken` for another status or no answer, `response-malformed`.
 */
export async function ask(stream: Duplex, { path, host, signal, limits }: Asking): Promise<void> {
  const answered = Promise.withResolvers<number>();
  const reader = new ResponseReader({ limits, latin1 });
  const method = path === null ? 'OPTIONS' : 'GET';
  reader.expect(method);
  const take = (bytes: Uint8Array): void => {
    for (let at = 0; ;) {
      const step = reader.push(bytes, at);
      if (step.is === 'refused') return answered.reject(new SallyportError(step.fault.code, step.fault.why));
      if (step.is === 'more') return undefined;
      if (step.head.status >= 200) return answered.resolve(step.head.status);
      at = step.next;
    }
  };
  const broken = (): void =>
    answered.reject(new SallyportError('upstream-broken', 'it ended the connection without an answer to the check'));
  const late = (): void => void stream.destroy();
  signal.addEventListener('abort', late);
  stream.on('error', () => undefined);
  stream.once('close', broken);
  stream.once('end', broken);
  if (lends(stream)) stream.lendTo(take);
  else stream.on('data', take);
  try {
    if (signal.aborted) late();
    stream.write(
      `${method} ${path ?? '*'} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: sallyport-check\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
      'latin1',
    );
    const status = await answered.promise;
    if (path !== null && status >= 400) throw new SallyportError('upstream-broken', `it answered the check with ${status}`);
  } finally {
    signal.removeEventListener('abort', late);
    stream.destroy();
  }
}
