/** Takes connections on an address, within caps in total and for each visitor's address, before a byte is read. */

import { createServer, type Server, type Socket } from 'node:net';
import { SallyportError, type Code } from '../core/errors.ts';
import { householdOf, hostPort, parseIp, type Address } from '../core/address.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Limits } from '../core/limits.ts';

export type Listening = Closable &
  Readonly<{
    host: string;
    port: number;
    /** Takes no more connections; those that stand go on until `close`. */
    stop: () => void;
  }>;

/** A socket that is bound already: another process holds it too, so that it outlives this one. */
export type BoundSocket = Readonly<{ fd: number; close?: () => void }>;

/** Connections that stand, by household and in all: of one listener, or of several that count together. */
export class ConnectionCount {
  readonly #ofHousehold = new Map<string, number>();
  all = 0;

  of(household: string): number {
    return this.#ofHousehold.get(household) ?? 0;
  }

  /** Null where nobody but the whole is counted. */
  add(household: string | null, change: 1 | -1): void {
    this.all += change;
    if (household === null) return;
    const left = this.of(household) + change;
    if (left === 0) this.#ofHousehold.delete(household);
    else this.#ofHousehold.set(household, left);
  }
}

export type ListenOptions = Readonly<{
  host: string;
  port: number;
  /** Taken instead of binding the address ourselves. */
  bound?: BoundSocket | null;
  limits: Pick<Limits, 'connectionsMax' | 'connectionsPerAddressMax'>;
  /** Addresses that many visitors share, as balancers do: only the whole is counted for them. */
  isShared?: (ip: string) => boolean;
  /** Counted together with the other listeners that have it. */
  count?: ConnectionCount;
  take: (socket: Socket, from: Address) => void;
  /** What somebody beyond the caps is told before it ends; nothing when left out. */
  farewell?: Uint8Array;
}>;

/** Connections that wait to be taken; the system's own limit (`somaxconn`) may be lower. nginx 511, Go takes the system's. */
const backlogMax = 1_024;

/**
 * Errors: `address-in-use`, `permission-missing` (a port below 1024), `address-unavailable`.
 * `close` stops taking connections at once and destroys what still stands.
 */
export function listen(options: ListenOptions): Promise<Listening> {
  const standing = options.count ?? new ConnectionCount();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    const from = peerOf(socket);
    const household = options.isShared?.(from.ip) === true ? null : householdOf(from.ip);
    const crowded = household !== null && standing.of(household) >= options.limits.connectionsPerAddressMax;
    if (crowded || standing.all >= options.limits.connectionsMax) {
      turnAway(socket, options.farewell);
      return;
    }
    standing.add(household, 1);
    sockets.add(socket);
    socket.on('error', ignore);
    // It comes once, and `once` would hold four objects as long as the connection stands.
    socket.on('close', () => {
      sockets.delete(socket);
      standing.add(household, -1);
    });
    options.take(socket, from);
  });
  return listening(server, options, () => {
    for (const socket of sockets) socket.destroy();
  });
}

const ignore = (): void => undefined;

/** Nothing of it is read, and nothing waited for: it goes with the next look at the socket. */
export function turnAway(socket: Socket, farewell?: Uint8Array): void {
  socket.on('error', ignore);
  if (farewell === undefined) socket.destroy();
  else socket.end(farewell, () => socket.destroy());
}

function listening(server: Server, options: ListenOptions, destroyAll: () => void): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, options)));
    const ready = (): void => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : options.port;
      let closed: Promise<void> | null = null;
      const stop = (): Promise<void> => (closed ??= new Promise((done) => void server.close(() => done())));
      resolve({
        host: options.host,
        port,
        stop: () => void stop(),
        close: () => {
          const done = stop();
          destroyAll();
          return done;
        },
      });
    };
    // The second form takes a handle as it came from the other process: Node's own types know no better name for it.
    if (options.bound === undefined || options.bound === null)
      server.listen({ host: options.host, port: options.port, backlog: backlogMax }, ready);
    else server.listen(options.bound, backlogMax, ready);
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

/** Says in our words why an address cannot be listened on. */
export function cannotListen(
  error: Readonly<{ code?: string | undefined; message: string }>,
  at: Readonly<{ host: string; port: number }>,
): SallyportError {
  const [code, why, hint] = meanings[error.code ?? ''] ?? ['address-unavailable', error.message, 'check the address'];
  const where = hostPort(at.host, at.port);
  return new SallyportError(code, `Cannot listen on ${where}: ${why}.`, { hint, cause: error });
}
