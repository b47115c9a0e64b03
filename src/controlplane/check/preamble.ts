/** Dials as a balancer does: with a PROXY header before anything else. */

import { connect } from 'node:net';
import { proxyHeader, type ProxyVersion } from '../../core/proxy-protocol.ts';
import type { Through } from './reach.ts';

/** For our own checks: the header says that we speak for ourselves. Rejects with what the system says. */
export function withPreamble(version: ProxyVersion): Through {
  return ({ host, port }, signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      signal.addEventListener('abort', () => socket.destroy(new Error('timed out')), { once: true });
      socket.on('error', reject);
      socket.once('connect', () => {
        socket.write(proxyHeader(version, null, port));
        resolve(socket);
      });
    });
}
