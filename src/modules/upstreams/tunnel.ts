/** The way through a tunnel: a stream of the carrier whose gateway holds the visitor's name now. */

import { SallyportError } from '../../core/errors.ts';
import type { OpenTunnel } from '../../contracts/tunnel.ts';
import type { Open } from '../../contracts/upstream.ts';

/**
 * Makes an `Open` of a directory. The gateway's name, address and port are never the visitor's or the
 * relay's to choose: a stream carries the visitor's name, and the gateway decides what lies behind it.
 *
 * Error: `name-unknown`, whether nobody owns the name, nobody holds it now, or its gateway takes no more.
 */
export function throughTunnel(open: OpenTunnel): Open {
  return (exchange) => {
    const stream = open({
      id: exchange.id,
      from: exchange.from,
      port: exchange.listener.port,
      sni: exchange.sni,
      alpn: exchange.alpn ?? [],
    });
    if (stream === null) throw new SallyportError('name-unknown', 'No gateway holds this name now.');
    return { is: 'stream', stream, reused: false, release: () => void stream.destroy() };
  };
}
