/** Takes connections on an address, within caps in total and for each visitor's address, before a byte is read. */

import { createServer, type Server, type Socket } from 'node:net';
import { SallyportError, type Code } from '../core/errors.ts';
import { householdOf, hostPort, parseIp, type Address } from '../core/address.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Limits } from '../core/limits.ts';

export type Listening = Closable & Readonly<{ host: string; port: number }>;

export type ListenOptions = Readonly<{
  host: string;
  port: number;
  limits: Pick<Limits, 'connectionsMax' | 'connectionsPerAddressMax'>;
  /** Addresses that many visitors share, as balancers do: only the whole is counted for them. */
  isShared?: (ip: string) => boolean;
  take: (socket: Socket, from: Address) => void;
}>;

/**
 * Errors: `address-in-use`, `permission-missing` (a port below 1024), `address-unavailable`.
 * `close` stops taking connections at once and destroys what still stands.
 */
export function listen(options: ListenOptions): Promise<Listening> {
  const perAddress = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    const from = peerOf(socket);
    const household = householdOf(from.ip);
    const shared = options.isShared?.(from.ip) === true;
    const count = shared ? 0 : (perAddress.get(household) ?? 0);
    if (sockets.size >= options.limits.connectionsMax || count >= options.limits.connectionsPerAddressMax) {
      socket.destroy();
      return;
    }
    if (!shared) perAddress.set(household, count + 1);
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      if (shared) return;
      const left = (perAddress.get(household) ?? 1) - 1;
      if (left === 0) perAddress.delete(household);
      else perAddress.set(household, left);
    });
    options.take(socket, from);
  });
  return listening(server, options, () => {
    for (const socket of sockets) socket.destroy();
  });
}

function listening(server: Server, options: ListenOptions, destroyAll: () => void): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, options)));
    server.listen({ host: options.host, port: options.port, backlog: 1_024 }, () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : options.port;
      let closed: Promise<void> | null = null;
      resolve({
        host: options.host,
        port,
        close: () => {
          closed ??= new Promise((done) => {
            server.close(() => done());
            destroyAll();
          });
          return closed;
        },
      });
    });
  });
}

function peerOf(socket: Socket): Address {
  const ip = parseIp(socket.remoteAddress?.split('%')[0] ?? '');
  return { ip: ip?.text ?? '0.0.0.0', port: socket.remotePort ?? 0 };
}

const meanings: Readonly<Record<string, readonly [Code, string, string]>> = {
  EADDRINUSE: ['address-in-use', 'another program listens there already', 'Choose another port, or end the program that has it.'],
  EACCES: ['permission-missing', 'ports below 1024 need more rights', 'choose a port above 1023, or grant CAP_NET_BIND_SERVICE'],
  EADDRNOTAVAIL: ['address-unavailable', 'this machine has no such address', 'Use an address of this machine, 127.0.0.1 or 0.0.0.0.'],
};

function cannotListen(error: NodeJS.ErrnoException, at: Readonly<{ host: string; port: number }>): SallyportError {
  const [code, why, hint] = meanings[error.code ?? ''] ?? ['address-unavailable', error.message, 'check the address'];
  const where = hostPort(at.host, at.port);
  return new SallyportError(code, `Cannot listen on ${where}: ${why}.`, { hint, cause: error });
}
