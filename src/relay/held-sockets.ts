/** Listening sockets that are bound here and listened on elsewhere: they outlive whoever listens, and lose no connection. */

import { bindHandle, isFor, type HandedSocket, type Handle } from '../dataplane/bound-handles.ts';

export class HeldSockets {
  /** Each with those who asked for it. */
  readonly #held = new Map<string, Readonly<{ handle: Handle; askers: Set<object> }>>();
  readonly #most: number;
  /** Handed over when the holder was started, and not asked for yet. */
  #handed: readonly HandedSocket[];

  constructor(most: number, handed: readonly HandedSocket[] = []) {
    this.#most = most;
    this.#handed = handed;
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
    const made = this.#handedFor({ host, port }) ?? bindHandle({ host, port });
    if (typeof made === 'string') return made;
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

  #handedFor(at: Readonly<{ host: string; port: number }>): Handle | null {
    const found = this.#handed.find((each) => isFor(at, each));
    this.#handed = this.#handed.filter((each) => each !== found);
    return found?.handle ?? null;
  }

  close(): void {
    for (const { handle } of [...this.#held.values(), ...this.#handed]) handle.close();
    this.#handed = [];
    this.#held.clear();
  }
}
