/** All sockets that a relay listens on: opened one by one, stopped and closed together. */

import type { Socket } from 'node:net';
import type { Address } from '../core/address.ts';
import type { Limits } from '../core/limits.ts';
import { listen } from '../dataplane/listener.ts';
import type { BoundSocket, Listening } from '../dataplane/listener.ts';

export type At = Readonly<{ host: string; port: number }>;
export type Take = (socket: Socket, from: Address) => void;

export class Listeners {
  readonly #limits: Limits;
  readonly #bind: ((at: At) => Promise<BoundSocket>) | null;
  readonly #all: Listening[] = [];

  /** `bind` is where the sockets come from; null makes them here. */
  constructor(limits: Limits, bind: ((at: At) => Promise<BoundSocket>) | null) {
    this.#limits = limits;
    this.#bind = bind;
  }

  /** `farewell` is told to whoever is beyond the caps. Errors: `address-in-use`, `permission-missing`, `address-unavailable`. */
  async open(places: readonly At[], take: Take, farewell: Uint8Array): Promise<readonly Listening[]> {
    const opened: Listening[] = [];
    for (const at of places) {
      const one = await listen({ ...at, limits: this.#limits, take, farewell, bound: (await this.#bind?.(at)) ?? null });
      this.#all.push(one);
      opened.push(one);
    }
    return opened;
  }

  /** No more connections are taken; those that stand go on. */
  stop(): void {
    for (const one of this.#all) one.stop();
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.close()));
  }
}
