/** Visitors of a name whose gateway is away for a moment: held for a while, so that a reconnection costs nobody a request. */

import { householdOf } from '../core/address.ts';
import type { Limits } from '../core/limits.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Visitor } from '../contracts/tunnel.ts';
import type { Caller } from '../contracts/upstream.ts';

export type HoldLimits = Pick<Limits, 'visitorHoldMs' | 'visitorsHeldMax' | 'visitorsHeldPerAddressMax' | 'visitorsHeldBytesMax'>;

type Held = Readonly<{ visitor: Visitor; settle: (stream: Stream | null) => void }>;

export class HeldVisitors {
  readonly #limits: HoldLimits;
  readonly #open: (visitor: Visitor) => Stream | null | undefined;
  readonly #held = new Set<Held>();
  readonly #ofHousehold = new Map<string, number>();
  #bytes = 0;

  /** `open` gives undefined while nobody holds the visitor's name. */
  constructor(limits: HoldLimits, open: (visitor: Visitor) => Stream | null | undefined) {
    this.#limits = limits;
    this.#open = open;
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * Waits until `look` finds the name held. Null at once when there is no room for one more; null later when the time is
   * up, and when the visitor has left: then nothing is opened.
   */
  hold(visitor: Visitor, caller: Caller): Promise<Stream | null> | null {
    const { visitorHoldMs, visitorsHeldMax, visitorsHeldPerAddressMax, visitorsHeldBytesMax } = this.#limits;
    const household = householdOf(visitor.from.ip);
    const bytes = caller.keptBytes ?? 0;
    const ofHousehold = this.#ofHousehold.get(household) ?? 0;
    if (visitorHoldMs <= 0 || this.#held.size >= visitorsHeldMax || ofHousehold >= visitorsHeldPerAddressMax) return null;
    if (this.#bytes + bytes > visitorsHeldBytesMax || caller.signal.aborted) return null;
    this.#count(household, bytes, 1);
    return new Promise((resolve) => {
      const settle = (stream: Stream | null): void => {
        clearTimeout(timer);
        caller.signal.removeEventListener('abort', left);
        if (this.#held.delete(held)) this.#count(household, bytes, -1);
        resolve(stream);
      };
      const held: Held = { visitor, settle };
      const left = (): void => settle(null);
      const timer = setTimeout(left, visitorHoldMs);
      timer.unref();
      caller.signal.addEventListener('abort', left);
      this.#held.add(held);
    });
  }

  /** Names were registered: whoever waits for one of them goes on. */
  look(): void {
    for (const { visitor, settle } of this.#held) {
      const stream = this.#open(visitor);
      if (stream !== undefined) settle(stream);
    }
  }

  close(): void {
    for (const { settle } of this.#held) settle(null);
  }

  #count(household: string, bytes: number, sign: 1 | -1): void {
    this.#bytes += sign * bytes;
    const left = (this.#ofHousehold.get(household) ?? 0) + sign;
    if (left === 0) this.#ofHousehold.delete(household);
    else this.#ofHousehold.set(household, left);
  }
}
