/** Listening sockets that are bound here and listened on elsewhere: they outlive whoever listens, and lose no connection. */

import net, { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** A bound socket as Node passes it to another process. */
export type Handle = Readonly<{ fd: number; getsockname: (into: object) => number; close: () => void }>;

/**
 * The one call of Node for a socket that is bound and not listened on: `cluster` makes its own by it. Node documents how such
 * a handle is sent and listened on, and not this; its test is src/relay/held-sockets.test.ts.
 */
const { _createServerHandle: createServerHandle } = net as typeof net & {
  _createServerHandle: (host: string, port: number, family: number, fd: undefined, flags: number) => Handle | number;
};

export class HeldSockets {
  /** Each with those who asked for it. */
  readonly #held = new Map<string, Readonly<{ handle: Handle; askers: Set<object> }>>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** The socket of an address, by the words in which it is asked for: port 0 is the same port each time. Otherwise the name of the system's error. */
  bind(host: string, port: number, asker: object): Handle | string {
    const key = `${host} ${port}`;
    const held = this.#held.get(key);
    if (held !== undefined) {
      held.askers.add(asker);
      return held.handle;
    }
    if (this.#held.size >= this.#most) return 'EMFILE';
    const made = isIP(host) === 0 ? -22 : createServerHandle(host, port, isIP(host), undefined, 0);
    if (typeof made === 'number') return getSystemErrorName(made);
    // libuv keeps "address in use" to itself until somebody asks; a socket that is not bound would listen on any port.
    const wrong = made.getsockname({});
    if (wrong !== 0) {
      made.close();
      return getSystemErrorName(wrong);
    }
    this.#held.set(key, { handle: made, askers: new Set([asker]) });
    return made;
  }

  /** This one needs it no more; with the last one it is closed. */
  release(host: string, port: number, asker: object): void {
    this.#drop(`${host} ${port}`, asker);
  }

  /** This one needs none any more. */
  left(asker: object): void {
    for (const key of [...this.#held.keys()]) this.#drop(key, asker);
  }

  #drop(key: string, asker: object): void {
    const held = this.#held.get(key);
    if (held?.askers.delete(asker) !== true || held.askers.size > 0) return;
    held.handle.close();
    this.#held.delete(key);
  }

  close(): void {
    for (const { handle } of this.#held.values()) handle.close();
    this.#held.clear();
  }
}
