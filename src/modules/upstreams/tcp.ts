/** A service that speaks what it likes: bytes of a visitor's TLS that is passed on unread, or of one that was ended here. */

import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { hostPort } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Reply } from '../../core/http/reply.ts';
import { noticePage } from '../../core/pages/error.ts';
import { say } from '../../core/pages/say.ts';
import { isNavigation } from '../../core/pages/wants.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { isAtPort } from '../../core/port-name.ts';
import { proxyHeader } from '../../core/proxy-protocol.ts';
import { dialCode } from '../../core/system-error.ts';
import { defineUpstream, type Caller, type Opened } from '../../contracts/upstream.ts';

const options = z.strictObject({
  /** Tried in their order until one takes the connection. */
  hosts: z.array(z.string()).min(1).max(4).readonly(),
  port: z.int().min(1).max(65_535),
  /** The source address; null leaves the choice to the system. */
  from: z.string().nullable(),
  /** What its visitors speak: `tls` is passed on as it comes, `tcp` is asked for by an upgrade. */
  scheme: z.enum(['tls', 'tcp']),
  /** Which PROXY header begins each connection; null for none. */
  proxy: z.enum(['v1', 'v2']).nullable().prefault(null),
});

type Options = z.output<typeof options>;

/** For who comes with a browser, or with anything that does not ask for the upgrade: only whom the guards let in sees it. */
export function upgradeNeeded(exchange: Exchange): Reply {
  const upgrade = ['Upgrade', 'sallyport-tcp'] as const;
  if (isNavigation(exchange)) {
    const { host } = exchange;
    return noticePage(exchange, 426, {
      title: say(exchange, 'tcp.title'),
      detail: say(exchange, 'tcp.detail', { host }),
      fields: [upgrade],
    });
  }
  return {
    status: 426,
    fields: [upgrade, ['Content-Type', 'text/plain; charset=utf-8'], ['Cache-Control', 'no-store']],
    body: 'This is no web page. Reach it with: sallyport connect NAME\n',
  };
}

/** A connection for each visitor, and never one for two. Errors: `connections-exceeded`, `upstream-*`, `visitor-gone`. */
export const tcp = defineUpstream({
  name: 'tcp',
  options,
  build: (target, tools) => {
    const { limits } = tools;
    let open = 0;
    const dialAny = async ({ from, listener }: Exchange, caller: Caller, is: 'stream' | 'raw'): Promise<Opened> => {
      if (open >= limits.upstreamsPerServiceMax)
        throw new SallyportError('connections-exceeded', 'the service has as many connections as it may');
      // Taken before the dial: a service that is slow to take connections would otherwise be asked for any number of them.
      open += 1;
      try {
        const socket = await dialFirst(target, limits.dialMs, caller);
        socket.once('close', () => (open -= 1));
        if (target.proxy !== null) socket.write(proxyHeader(target.proxy, from, listener.port));
        return { is, stream: socket, reused: false, release: () => void socket.destroy() };
      } catch (error) {
        open -= 1;
        throw error;
      }
    };
    return {
      probe: async ({ withinMs }) => {
        const socket = await dialFirst(target, withinMs, { signal: new AbortController().signal });
        if (target.proxy !== null) socket.write(proxyHeader(target.proxy, null, target.port));
        socket.destroy();
      },
      words: `${target.scheme}://${hostPort(target.hosts[0] ?? 'localhost', target.port)}`,
      open: (exchange, caller) => {
        const { http } = exchange;
        // Passed on as it comes: TLS, or whatever is spoken on a port of its own.
        if (http === null && (target.scheme === 'tls' || isAtPort(exchange))) return dialAny(exchange, caller, 'stream');
        if (http?.upgrade === 'sallyport-tcp' && target.scheme === 'tcp') return dialAny(exchange, caller, 'raw');
        if (http !== null && target.scheme === 'tcp') return { is: 'reply', reply: upgradeNeeded(exchange) };
        throw new SallyportError('program-failed', 'a visitor of another kind was led to this service');
      },
      close: async () => undefined,
    };
  },
});

async function dialFirst(target: Options, timeoutMs: number, caller: Caller): Promise<Socket> {
  for (let at = 0; ; at += 1) {
    try {
      return await dial({ ...target, host: target.hosts[at] ?? '127.0.0.1' }, timeoutMs, caller);
    } catch (error) {
      const refused = error instanceof SallyportError && error.code === 'upstream-refused';
      if (!refused || at + 1 >= target.hosts.length) throw error;
    }
  }
}

function dial({ host, port, from }: Options & Readonly<{ host: string }>, timeoutMs: number, { signal }: Caller): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const where = hostPort(host, port);
    const source = from !== null && host.includes('.') ? { localAddress: from } : {};
    // A service may end its side and still read, and the other way round.
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, ...source });
    const settle = (failure: SallyportError | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', gone);
      if (failure === null) return resolve(socket);
      socket.destroy();
      return reject(failure);
    };
    const gone = (): void => settle(new SallyportError('visitor-gone', 'the visitor closed the connection'));
    const timer = setTimeout(
      () => settle(new SallyportError('upstream-timed-out', `the service at ${where} did not take the connection in time`)),
      timeoutMs,
    );
    // Stays: a late error of a socket nobody waits for must not end the process.
    socket.on('error', (error) =>
      settle(new SallyportError(dialCode(error), `the service at ${where} cannot be reached`, { cause: error })),
    );
    socket.once('connect', () => settle(null));
    if (signal.aborted) gone();
    else signal.addEventListener('abort', gone);
  });
}
