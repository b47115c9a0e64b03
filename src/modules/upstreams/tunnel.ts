/** The way through a tunnel: a stream of a carrier whose gateway holds the visitor's name now. */

import { SallyportError } from '../../core/errors.ts';
import { askedFor } from '../../core/port-name.ts';
import type { Stream } from '../../contracts/stream.ts';
import type { OpenTunnel } from '../../contracts/tunnel.ts';
import type { Caller, Open, Opened } from '../../contracts/upstream.ts';

/**
 * Makes an `Open` of a directory. The gateway's name, address and port are never the visitor's or the
 * relay's to choose: a stream carries the visitor's name, and the gateway decides what lies behind it.
 *
 * Errors: `name-unknown`, whether nobody owns the name, nobody holds it now, or its gateway takes no more;
 * `visitor-gone` when the visitor left while its gateway was waited for.
 */
export function throughTunnel(open: OpenTunnel): Open {
  return (exchange, caller) => {
    const visitor = {
      id: exchange.id,
      from: exchange.from,
      port: exchange.listener.port,
      sni: askedFor(exchange),
      alpn: exchange.alpn ?? [],
    };
    const found = open(visitor, caller);
    return found instanceof Promise ? found.then((stream) => opened(stream, caller)) : opened(found, null);
  };
}

function opened(stream: Stream | null, waited: Caller | null): Opened {
  if (waited?.signal.aborted === true) {
    stream?.destroy();
    throw new SallyportError('visitor-gone', 'The visitor left while the gateway was away.');
  }
  if (stream === null) throw new SallyportError('name-unknown', 'No gateway holds this name now.');
  return { is: 'stream', stream, reused: false, release: () => void stream.destroy() };
}
