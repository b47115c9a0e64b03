/** Streams of the edge to gateways: one for each visitor's connection, which carries its requests one after the other, and nobody else's. */

import { SallyportError } from '../core/errors.ts';
import type { Address } from '../core/address.ts';
import type { Stream } from '../contracts/stream.ts';
import type { OpenTunnel } from '../contracts/tunnel.ts';
import type { Open, Opened } from '../contracts/upstream.ts';

export class EdgeStreams {
  readonly #open: OpenTunnel;
  /** At most one for each visitor who is here. */
  readonly #idle = new Map<string, Stream>();

  constructor(open: OpenTunnel) {
    this.#open = open;
  }

  /** A gateway takes so many new streams a second: a visitor with many requests must not use them up. Error: `gateway-away`. */
  readonly dial: Open = (exchange, caller, fresh) => {
    const { id, from, listener, sni } = exchange;
    const key = keyOf(from, listener.port, sni);
    const kept = this.#idle.get(key);
    this.#idle.delete(key);
    if (kept !== undefined && !fresh && !kept.destroyed && !kept.readableEnded) return this.#opened(kept, key, true);
    kept?.destroy();
    const found = this.#open({ id, from, port: listener.port, sni, alpn: ['http/1.1'], terminated: true }, caller);
    return found instanceof Promise ? found.then((stream) => this.#opened(stream, key, false)) : this.#opened(found, key, false);
  };

  /** The visitor has left. */
  drop(from: Address, port: number, sni: string | null): void {
    const key = keyOf(from, port, sni);
    this.#idle.get(key)?.destroy();
    this.#idle.delete(key);
  }

  #opened(stream: Stream | null, key: string, reused: boolean): Opened {
    if (stream === null) throw new SallyportError('gateway-away', 'No gateway takes this name now.');
    const release = (reusable: boolean): void => {
      if (!reusable || stream.destroyed || this.#idle.has(key)) return void stream.destroy();
      this.#idle.set(key, stream);
      const gone = (): void => {
        stream.destroy();
        if (this.#idle.get(key) === stream) this.#idle.delete(key);
      };
      stream.once('end', gone);
      stream.once('close', gone);
    };
    return { is: 'stream', stream, reused, release };
  }
}

/** The ends of a connection are its name as long as it stands; a network may use one port of its own towards several of ours. */
function keyOf({ ip, port }: Address, ours: number, sni: string | null): string {
  return `${ip} ${port} ${ours} ${sni ?? ''}`;
}
