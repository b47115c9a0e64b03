/**
 * Places for those who are in their greeting, and a line before them: after a restart all gateways come in one moment, and
 * whoever is sent away comes later than they could. In the line the addresses take turns, so that nobody stands before all others.
 */

import type { Duplex } from 'node:stream';
import { householdOf, type Address } from '../core/address.ts';
import { fault, type Fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';

/** Greets somebody, who leaves the place when they are known, or gone; leaving twice does no harm. */
export type Begin = (leave: () => void) => void;

export type GreetingPlacesOptions = Readonly<{
  limits: Pick<
    Limits,
    | 'carriersMax'
    | 'carriersPreAuthMax'
    | 'carriersPreAuthPerAddressMax'
    | 'carriersWaitingMax'
    | 'carriersWaitingPerAddressMax'
    | 'handshakeMs'
  >;
  /** Carriers that stand. */
  standing: () => number;
  /** Told of everybody who was sent away. */
  onRefused: (from: Address, why: Fault) => void;
}>;

type Waiting = Readonly<{ begin: Begin; stopWaiting: () => void }>;

export class GreetingPlaces {
  readonly #options: GreetingPlacesOptions;
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  /** By household, the one whose turn is next first. None is empty. */
  readonly #lines = new Map<string, Set<Waiting>>();
  #waiting = 0;
  #scheduled = false;

  constructor(options: GreetingPlacesOptions) {
    this.#options = options;
  }

  /** Begins now or in its turn, within half of `handshakeMs`: the gateway gives up after the whole. Destroys the socket, unread, when there is no room even to wait. */
  take(socket: Duplex, from: Address, begin: Begin): void {
    const { limits, onRefused, standing } = this.#options;
    const household = householdOf(from.ip);
    const line = this.#lines.get(household);
    const isRoom = standing() + this.#taken + this.#waiting < limits.carriersMax;
    // A place that was left in this turn is for who has waited.
    if (isRoom && line === undefined && !this.#scheduled && this.#isFree(household)) return begin(this.#place(household));
    const isCrowded = this.#waiting >= limits.carriersWaitingMax || (line?.size ?? 0) >= limits.carriersWaitingPerAddressMax;
    if (isRoom && !isCrowded) return this.#wait(socket, from, begin);
    onRefused(from, fault('connections-exceeded', 'too many carriers'));
    socket.destroy();
  }

  #isFree(household: string): boolean {
    const { carriersPreAuthMax, carriersPreAuthPerAddressMax } = this.#options.limits;
    return this.#taken < carriersPreAuthMax && (this.#takenBy.get(household) ?? 0) < carriersPreAuthPerAddressMax;
  }

  /** Takes a place; what is returned leaves it, once. */
  #place(household: string): () => void {
    this.#count(household, 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#count(household, -1);
      this.#lookSoon();
    };
  }

  #count(household: string, change: 1 | -1): void {
    this.#taken += change;
    const count = (this.#takenBy.get(household) ?? 0) + change;
    if (count === 0) this.#takenBy.delete(household);
    else this.#takenBy.set(household, count);
  }

  #wait(socket: Duplex, from: Address, begin: Begin): void {
    const household = householdOf(from.ip);
    const line = this.#lines.get(household) ?? new Set();
    const leave = (): void => {
      waiting.stopWaiting();
      this.#waiting -= 1;
      line.delete(waiting);
      if (line.size === 0) this.#lines.delete(household);
    };
    const late = setTimeout(() => {
      leave();
      this.#options.onRefused(from, fault('hello-timed-out', 'there was no place for its greeting in time'));
      socket.destroy();
    }, this.#options.limits.handshakeMs / 2);
    const waiting: Waiting = {
      begin,
      stopWaiting: () => {
        clearTimeout(late);
        socket.off('close', leave);
      },
    };
    socket.once('close', leave);
    this.#waiting += 1;
    line.add(waiting);
    this.#lines.set(household, line);
  }

  #lookSoon(): void {
    if (this.#scheduled || this.#waiting === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#next();
    });
  }

  /** One a turn of the event loop: a handshake costs a millisecond, and visitors come between. */
  #next(): void {
    for (const [household, line] of this.#lines) {
      if (!this.#isFree(household)) continue;
      const [first] = line;
      if (first === undefined) continue;
      first.stopWaiting();
      this.#waiting -= 1;
      line.delete(first);
      // Behind all others: addresses take turns.
      this.#lines.delete(household);
      if (line.size > 0) this.#lines.set(household, line);
      first.begin(this.#place(household));
      return this.#lookSoon();
    }
  }
}
