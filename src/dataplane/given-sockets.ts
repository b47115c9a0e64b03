/** Listening sockets that were there before the doors are opened: handed over at the start, or bound while we still could. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { bindHandle, isFor, type At, type HandedSocket, type Handle } from './bound-handles.ts';
import { cannotListen, type BoundSocket } from './listener.ts';

/** What a door asks for: `socket` is the name under which it was handed over. */
export type Asked = At & Readonly<{ socket?: string }>;

export class GivenSockets {
  #handed: readonly HandedSocket[];
  readonly #bound = new Map<string, Handle>();

  constructor(handed: readonly HandedSocket[]) {
    this.#handed = handed;
  }

  /** Whether anything is there. */
  get any(): boolean {
    return this.#handed.length + this.#bound.size > 0;
  }

  /** Binds what was not handed over, for a process that is about to lose the right to. Errors: those of listening. */
  async bindAhead(all: readonly Asked[]): Promise<void> {
    for (const at of all) {
      if (this.#find(at) !== undefined || this.#bound.has(keyOf(at))) continue;
      const host = isIP(at.host) === 0 ? (await lookup(at.host)).address : at.host;
      const made = bindHandle({ host, port: at.port });
      if (typeof made === 'string') throw cannotListen({ code: made, message: made }, at);
      this.#bound.set(keyOf(at), made);
    }
  }

  /** The socket of an address, once: it is the caller's from then on. Null: there is none, bind it. */
  take(at: Asked): BoundSocket | null {
    const bound = this.#bound.get(keyOf(at));
    if (bound !== undefined) {
      this.#bound.delete(keyOf(at));
      return bound;
    }
    const handed = this.#find(at);
    if (handed === undefined) return null;
    this.#handed = this.#handed.filter((each) => each !== handed);
    return handed.handle;
  }

  /** Those that nobody asked for are closed: whoever came to them would wait for ever. Returns them in words. */
  closeUnasked(): readonly string[] {
    const left = this.#handed.map(({ name, host, port }) => `${name} (${isIP(host) === 6 ? `[${host}]` : host}:${port})`);
    for (const { handle } of this.#handed) handle.close();
    this.#handed = [];
    return left;
  }

  #find(at: Asked): HandedSocket | undefined {
    const named = at.socket === undefined ? undefined : this.#handed.find(({ name }) => name === at.socket);
    return named ?? this.#handed.find((each) => isFor(at, each) && each.host === at.host) ?? this.#handed.find((each) => isFor(at, each));
  }
}

function keyOf({ host, port }: At): string {
  return `${host} ${port}`;
}
