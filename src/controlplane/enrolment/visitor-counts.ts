/** How many different visitors came to a name today: an address that is known may come again, a new one only while there is room. */

import { householdOf } from '../../core/address.ts';
import type { Limits } from '../../core/limits.ts';

const dayMs = 86_400_000;

/** Of one grant, on this day (UTC). */
type Count = { day: number; seen: Set<string>; refused: number };

export type VisitorCount = Readonly<{ name: string; today: number; refused: number }>;

export class VisitorCounts {
  readonly #now: () => number;
  readonly #limits: Pick<Limits, 'visitorsCountedMax'>;
  readonly #counts = new Map<string, Count>();
  /** Of all grants together. */
  #total = 0;

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number, limits: Pick<Limits, 'visitorsCountedMax'>) {
    this.#now = now;
    this.#limits = limits;
  }

  /** Whether a visitor from this address may come to a grant that takes `most` a day. IPv6 counts by /64. What cannot be counted is refused. */
  admits(label: string, most: number, ip: string): boolean {
    const count = this.#today(label);
    const household = householdOf(ip);
    if (count.seen.has(household)) return true;
    if (count.seen.size >= most || this.#total >= this.#limits.visitorsCountedMax) {
      count.refused += 1;
      return false;
    }
    count.seen.add(household);
    this.#total += 1;
    return true;
  }

  /** Whether somebody was refused today. */
  isFull(label: string): boolean {
    const count = this.#counts.get(label);
    return count !== undefined && count.day === this.#day() && count.refused > 0;
  }

  list(): readonly VisitorCount[] {
    const day = this.#day();
    return [...this.#counts].flatMap(([name, count]) =>
      count.day === day ? [{ name, today: count.seen.size, refused: count.refused }] : [],
    );
  }

  /** The grant is another one from now on, or none. */
  forget(label: string): void {
    this.#total -= this.#counts.get(label)?.seen.size ?? 0;
    this.#counts.delete(label);
  }

  #today(label: string): Count {
    const found = this.#counts.get(label);
    const day = this.#day();
    if (found !== undefined && found.day === day) return found;
    // With the first visitor of a day all that is older goes.
    for (const [other, { day: old }] of this.#counts) if (old !== day) this.forget(other);
    const count: Count = { day, seen: new Set(), refused: 0 };
    this.#counts.set(label, count);
    return count;
  }

  #day(): number {
    return Math.floor(this.#now() / dayMs);
  }
}
