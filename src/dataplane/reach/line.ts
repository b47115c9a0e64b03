/** Opens the line to a relay: TCP, through a proxy where one is set. What is said on it is not its business. */

import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { hostPort } from '../../core/address.ts';
import type { Limits } from '../../core/limits.ts';
import type { Proxy } from '../../contracts/via.ts';
import { proxyUnreachable, unreachable } from './faults.ts';
import { askHttpProxy } from './http-proxy.ts';
import { askSocks5 } from './socks5.ts';

/** `host` without brackets; a name or an address. */
export type Target = Readonly<{ host: string; port: number }>;

/** Told of every stream as soon as it exists: to give up is to destroy what is held. */
export type Hold = (line: Duplex) => void;

export type LineOptions = Readonly<{ target: Target; proxy: Proxy | null; limits: Limits; hold: Hold }>;

/**
 * Resolves with a connection on which nothing was read beyond the proxy's own words, paused. It has no deadline of its own.
 * A proxy is told the name and looks it up itself: this network may not know it.
 * Errors: `relay-unreachable`, `proxy-unreachable`, `proxy-refused`.
 */
export async function openLine(options: LineOptions): Promise<Socket> {
  const { target, proxy, limits, hold } = options;
  if (proxy === null) {
    const address = hostPort(target.host, target.port);
    return dial({ ...target, host: dialled(target.host) }, hold, (why, cause) => unreachable(address, why, cause));
  }
  const socket = await dial({ host: dialled(proxy.host), port: proxy.port }, hold, (why, cause) => proxyUnreachable(proxy, why, cause));
  try {
    if (proxy.is === 'http') await askHttpProxy(socket, { target, proxy, limits });
    else await askSocks5(socket, { target, proxy });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

function dial(at: Target, hold: Hold, failed: (why: string, cause?: unknown) => Error): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: at.host, port: at.port, noDelay: true });
    socket.on('error', (error) => reject(failed(error.message, error)));
    socket.once('close', () => reject(failed('the connection was closed')));
    socket.once('connect', () => {
      socket.pause();
      resolve(socket);
    });
    hold(socket);
  });
}

/** `*.localhost` is this machine, whatever a resolver says (RFC 6761, 6.3). */
function dialled(host: string): string {
  return isIP(host) === 0 && (host === 'localhost' || host.endsWith('.localhost')) ? '127.0.0.1' : host;
}
