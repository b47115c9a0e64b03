/** Asks an HTTP proxy for a tunnel: CONNECT (RFC 9110, 9.3.6), with Basic credentials where there are some (RFC 7617). */

import type { Socket } from 'node:net';
import { hostPort } from '../../core/address.ts';
import { latin1 } from '../../core/bytes.ts';
import type { ResponseHead } from '../../core/http/head.ts';
import { ResponseReader } from '../../core/http/response-reader.ts';
import type { Limits } from '../../core/limits.ts';
import type { Proxy } from '../../contracts/via.ts';
import { credentialsHint, proxyRefused, proxyUnreachable, unreachable } from './faults.ts';
import { readWords } from './proxy-words.ts';

export type HttpProxyOptions = Readonly<{ target: Readonly<{ host: string; port: number }>; proxy: Proxy; limits: Limits }>;

/**
 * Resolves when the proxy has joined this connection to the target. Its answer has one reading and `headBytesMax` bytes at most.
 * Bytes behind a successful head are no relay's, which never speaks first: whoever sends them is not believed.
 * Errors: `proxy-refused`, `proxy-unreachable`, and `relay-unreachable` where the proxy found no way.
 */
export async function askHttpProxy(socket: Socket, options: HttpProxyOptions): Promise<void> {
  const { target, proxy, limits } = options;
  const address = hostPort(target.host, target.port);
  const reader = new ResponseReader({ limits, latin1 });
  reader.expect('CONNECT');
  socket.write(`CONNECT ${address} HTTP/1.1\r\nHost: ${address}\r\n${authorization(proxy)}\r\n`, 'latin1');
  const head = await readWords(
    socket,
    (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const step = reader.push(bytes, at);
        if (step.is === 'refused') throw proxyUnreachable(proxy, `its answer cannot be read (${step.fault.why})`);
        if (step.is === 'more') return null;
        at = step.next;
        // 101 is no answer to CONNECT; other interim answers are passed over, a bounded number of them.
        if (step.head.status < 200 && step.head.status !== 101) continue;
        if (step.head.status < 300 && at < bytes.length) throw proxyUnreachable(proxy, 'it sent bytes behind its answer');
        return step.head;
      }
      return null;
    },
    (why) => proxyUnreachable(proxy, why),
  );
  if (head.status < 200 || head.status > 299) throw refused(proxy, address, head);
}

function authorization({ credentials }: Proxy): string {
  if (credentials === null) return '';
  return `Proxy-Authorization: Basic ${Buffer.from(`${credentials.user}:${credentials.password}`, 'utf8').toString('base64')}\r\n`;
}

/** What is shown of an answer is its number: the rest are a stranger's words. */
function refused(proxy: Proxy, address: string, { status, fields }: ResponseHead): Error {
  switch (status) {
    case 407:
      return asksFor(fields, 'basic')
        ? proxyRefused(
            proxy,
            proxy.credentials === null ? 'it asks for credentials (407)' : 'it does not take these credentials (407)',
            credentialsHint(proxy),
          )
        : proxyRefused(
            proxy,
            'it asks for another kind of credentials than Basic (407)',
            'Ask its operator for Basic, or run a proxy between that speaks its kind.',
          );
    case 502:
    case 503:
    case 504:
      return unreachable(address, `the proxy found no way to it (${status})`);
    default:
      return proxyRefused(
        proxy,
        `it does not let us through to ${address} (${status})`,
        'Many proxies allow port 443 alone: ask its operator, or the relay’s for that port.',
      );
  }
}

function asksFor(fields: ResponseHead['fields'], scheme: string): boolean {
  return fields.some(
    ({ lower, value }) =>
      lower === 'proxy-authenticate' &&
      value
        .toLowerCase()
        .split(/[\s,]+/)
        .includes(scheme),
  );
}
