/** The backends of one list: one for each entry, and one for each address where an entry is a name. */

import { lookup } from 'node:dns/promises';
import type { Member } from '../../../contracts/balance.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Seat } from './seat.ts';

/** All addresses of a name, as the system's resolver finds them: /etc/hosts and mDNS count as DNS does. */
export type Lookup = (name: string) => Promise<readonly string[]>;

export const systemLookup: Lookup = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

export type SeatsOptions = Readonly<{
  members: readonly Member[];
  limits: Limits;
  lookup: Lookup;
  seat: (member: Member, address: string | null) => Seat;
  /** It stands in this list no more; what it carries ends in its own time. */
  leave: (seat: Seat) => void;
}>;

export class Seats {
  readonly #options: SeatsOptions;
  #all: readonly Seat[];
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: SeatsOptions) {
    this.#options = options;
    // Until its name was looked up an entry is dialled by it.
    this.#all = options.members.map((member) => options.seat(member, null));
    if (options.members.some(({ name }) => name !== null)) void this.#look();
  }

  get all(): readonly Seat[] {
    return this.#all;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const seat of this.#all) this.#options.leave(seat);
    this.#all = [];
  }

  /** Never rejects. What a resolver cannot find now was right a moment ago, and stays. */
  async #look(): Promise<void> {
    const { members, limits } = this.#options;
    await Promise.all(members.map((member) => this.#resolve(member)));
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), limits.backendNamesMs);
    this.#timer.unref();
  }

  async #resolve(member: Member): Promise<void> {
    const { lookup: find, limits } = this.#options;
    if (member.name === null) return;
    let found: readonly string[];
    try {
      found = await find(member.name);
    } catch {
      return;
    }
    if (found.length > 0 && !this.#closed) this.#take(member, [...new Set(found)].toSorted().slice(0, limits.backendAddressesMax));
  }

  #take(member: Member, addresses: readonly string[]): void {
    const { seat, leave } = this.#options;
    const before = this.#all.filter((each) => each.member === member);
    const gone = before.filter(({ address }) => address === null || !addresses.includes(address));
    const come = addresses.filter((address) => !before.some((each) => each.address === address));
    if (gone.length === 0 && come.length === 0) return;
    const added = come.map((address) => seat(member, address));
    this.#all = [...this.#all.filter((each) => !gone.includes(each)), ...added];
    for (const each of gone) leave(each);
  }
}
