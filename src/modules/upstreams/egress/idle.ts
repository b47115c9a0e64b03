/** Connections to destinations that ended a request cleanly: for the next request of the very same client to the very same place. */

import type { Socket } from 'node:net';
import type { Ip } from '../../../core/address.ts';
import type { Limits } from '../../../core/limits.ts';

type IdleLimits = Pick<Limits, 'egressIdleMax' | 'egressIdlePerPlaceMax' | 'egressIdleMs'>;

/** `address`: the one that was judged and dialled. */
export type Kept = Readonly<{ socket: Socket; place: string; address: string }>;

type Waiting = Kept & Readonly<{ since: number }>;

/** Who asks, and where to: nobody is ever given a connection that somebody else has spoken on, nor one to another name or port. */
export function placeOf(who: string, host: string, port: number): string {
  return `${who} ${host} ${port}`;
}

export class IdleConnections {
  readonly #limits: IdleLimits;
  readonly #now: () => number;
  /** In the order in which they were given back. */
  readonly #byPlace = new Map<string, Waiting[]>();
  #count = 0;
  #closed = false;
  #sweeping: NodeJS.Timeout | null = null;

  constructor(limits: IdleLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get count(): number {
    return this.#count;
  }

  /** The one that was used last, of those to an address that may be dialled now. */
  take(place: string, addresses: readonly Pick<Ip, 'text'>[]): Kept | null {
    const waiting = this.#byPlace.get(place);
    if (waiting === undefined) return null;
    const oldest = this.#now() - this.#limits.egressIdleMs;
    for (let at = waiting.length - 1; at >= 0; at -= 1) {
      const kept = waiting[at];
      if (kept === undefined || !addresses.some(({ text }) => text === kept.address)) continue;
      this.#remove(kept);
      if (kept.since >= oldest && isAlive(kept.socket)) return kept;
      kept.socket.destroy();
    }
    return null;
  }

  /** Keeps it, or destroys it where there are enough. */
  give(kept: Kept): void {
    const waiting = this.#byPlace.get(kept.place) ?? [];
    const full = this.#count >= this.#limits.egressIdleMax || waiting.length >= this.#limits.egressIdlePerPlaceMax;
    if (this.#closed || full || !isAlive(kept.socket)) return void kept.socket.destroy();
    const since = this.#now();
    waiting.push({ ...kept, since });
    this.#byPlace.set(kept.place, waiting);
    this.#count += 1;
    this.#sweeping ??= setInterval(() => this.#sweep(), this.#limits.egressIdleMs / 2).unref();
  }

  /** It closed by itself. */
  gone({ socket, place }: Kept): void {
    const found = this.#byPlace.get(place)?.find((each) => each.socket === socket);
    if (found !== undefined) this.#remove(found);
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    for (const waiting of this.#byPlace.values()) for (const { socket } of waiting) socket.destroy();
    this.#byPlace.clear();
    this.#count = 0;
  }

  #sweep(): void {
    const oldest = this.#now() - this.#limits.egressIdleMs;
    for (const waiting of this.#byPlace.values()) {
      for (const kept of waiting.filter(({ since }) => since < oldest)) {
        this.#remove(kept);
        kept.socket.destroy();
      }
    }
    if (this.#count === 0) this.#stop();
  }

  #stop(): void {
    if (this.#sweeping !== null) clearInterval(this.#sweeping);
    this.#sweeping = null;
  }

  #remove(kept: Waiting): void {
    const waiting = this.#byPlace.get(kept.place);
    const at = waiting?.indexOf(kept) ?? -1;
    if (waiting === undefined || at === -1) return;
    waiting.splice(at, 1);
    this.#count -= 1;
    if (waiting.length === 0) this.#byPlace.delete(kept.place);
  }
}

function isAlive(socket: Socket): boolean {
  return !socket.destroyed && socket.readable && socket.writable;
}
