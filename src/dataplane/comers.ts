/** Who is at the relay's door now, by address: so that a blocked one is refused unread, and cut when it is blocked later. */

import type { Stream } from '../contracts/stream.ts';

export class Comers {
  readonly #isBarred: (ip: string) => boolean;
  readonly #sockets = new Map<Stream, string>();

  constructor(isBarred: (ip: string) => boolean) {
    this.#isBarred = isBarred;
  }

  /** Whether it may stay. One that is barred has been ended, before anything of it was read. */
  admits(socket: Stream, ip: string): boolean {
    if (this.#isBarred(ip)) {
      socket.destroy();
      return false;
    }
    this.#sockets.set(socket, ip);
    socket.once('close', () => this.#sockets.delete(socket));
    return true;
  }

  /** Cuts everybody who is barred by now. */
  review(): void {
    for (const [socket, ip] of this.#sockets) if (this.#isBarred(ip)) socket.destroy();
  }
}
