/** By which way a gateway gets to its relay: the one that is set, or the one that was found to work. */

import type { Via } from '../../contracts/via.ts';

/** How a carrier's TLS travels. */
export type Wrapping = 'tls' | 'websocket';

/** For how long a way that worked is the first to be tried. Then TLS as it is has its turn again: it costs less, and networks change. */
const rememberedMs = 600_000;

/** One for each relay, so that what the first carrier found out serves the others. */
export class Way {
  readonly via: Via;
  readonly #now: () => number;
  /** Until when the WebSocket is the first to be tried. */
  #webSocketUntil = 0;

  constructor(via: Via, now: () => number = () => performance.now()) {
    this.via = via;
    this.#now = now;
  }

  /** What to try, in this order. */
  get order(): readonly Wrapping[] {
    const { carriers } = this.via;
    if (carriers !== 'auto') return [carriers];
    return this.#now() < this.#webSocketUntil ? ['websocket', 'tls'] : ['tls', 'websocket'];
  }

  worked(wrapping: Wrapping): void {
    if (wrapping === 'tls') this.#webSocketUntil = 0;
    else if (this.#webSocketUntil <= this.#now()) this.#webSocketUntil = this.#now() + rememberedMs;
  }
}

/** Straight, and in nothing: to a relay on this machine. */
export const straight: Via = { proxy: null, carriers: 'tls' };
