/** What the meter of clients gives one exchange to hold. */

import type { Clients, Client } from '../../../contracts/clients.ts';
import { byteWords } from '../../../core/byte-words.ts';
import { fault, type Fault } from '../../../core/errors.ts';
import type { PartyTerms } from '../../../core/policy/fair-share.ts';
import type { Moved, Permit, Waiter } from '../../../core/policy/permit.ts';
import type { Pacer } from './pacer.ts';

export type Held = Readonly<{
  client: Client | null;
  terms: PartyTerms;
  clients: Clients;
  pacer: Pacer;
  /** Whether a bandwidth is shared by all. */
  isShared: boolean;
  isTunnel: boolean;
  destination: string;
  now: () => number;
  /** Gives its place back. */
  left: () => void;
}>;

export class ExchangePermit implements Permit {
  readonly metered: boolean;
  readonly idleMs: number | null;
  readonly lifeMs: number | null;
  readonly #held: Held;
  readonly #since: number;
  /** Most of what is metered never waits. */
  #waiters: Set<Waiter> | null = null;
  readonly #counts: boolean;
  #isOver = false;
  #isOpen = false;

  constructor(held: Held) {
    const limits = held.client?.limits ?? null;
    this.#held = held;
    this.#since = held.now();
    this.idleMs = held.isTunnel ? (limits?.tunnelIdleMs ?? null) : null;
    this.lifeMs = held.isTunnel ? (limits?.tunnelLifeMs ?? null) : null;
    this.#counts = limits !== null && (limits.bytesPerDay !== null || limits.bytesPerMonth !== null);
    this.metered = this.#counts || held.isShared || held.terms.bytesPerSecond !== null || this.idleMs !== null || this.lifeMs !== null;
  }

  opened(): void {
    const { client, clients, destination, now } = this.#held;
    if (this.#isOpen || client === null) return;
    this.#isOpen = true;
    clients.connected(client.name, destination, Math.max(0, now() - this.#since));
  }

  moved(bytes: number, waiter: Waiter): Moved {
    const { client, clients, pacer, terms } = this.#held;
    if (client !== null && this.#counts) {
      const over = overQuota(client, clients);
      if (over !== null) return over;
      clients.spend(client.name, bytes);
    }
    if (pacer.take(terms, bytes, waiter)) return 'on';
    this.#waiters ??= new Set();
    this.#waiters.add(waiter);
    return 'wait';
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const waiter of this.#waiters ?? []) this.#held.pacer.leave(this.#held.terms, waiter);
    this.#held.left();
  }
}

/** Which quota of bytes is used up, and null while there is some left. */
export function overQuota({ name, limits: { bytesPerDay, bytesPerMonth } }: Client, clients: Pick<Clients, 'used'>): Fault | null {
  if (bytesPerDay === null && bytesPerMonth === null) return null;
  const { dayBytes, monthBytes } = clients.used(name);
  if (bytesPerMonth !== null && monthBytes >= bytesPerMonth)
    return fault('quota-exceeded', `the client ${name} has used the ${byteWords(bytesPerMonth)} of this month`);
  if (bytesPerDay !== null && dayBytes >= bytesPerDay)
    return fault('quota-exceeded', `the client ${name} has used the ${byteWords(bytesPerDay)} of this day`);
  return null;
}
