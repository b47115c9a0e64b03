/** When each key was used last, and from where: written seldom, so that a busy key costs no write a request. */

import { z } from 'zod';
import type { Records } from '../../contracts/store.ts';
import { Mirror } from './mirror.ts';

/** `at` in milliseconds since 1970. */
export type KeyUse = Readonly<{ at: number; from: string }>;

const record = z.strictObject({ at: z.number(), from: z.string() });

export class KeyUses {
  readonly #mirror: Mirror<KeyUse>;
  readonly #now: () => number;
  readonly #everyMs: number;
  /** When this process wrote each last, also where the writing failed. As many as there are keys. */
  readonly #written = new Map<string, number>();

  private constructor(mirror: Mirror<KeyUse>, now: () => number, everyMs: number) {
    this.#mirror = mirror;
    this.#now = now;
    this.#everyMs = everyMs;
  }

  static async open(records: Records, now: () => number, everyMs: number): Promise<KeyUses> {
    const mirror = await Mirror.open<KeyUse>({ records, prefix: 'key-uses/', read: (value) => record.safeParse(value).data ?? null });
    return new KeyUses(mirror, now, everyMs);
  }

  of(name: string): KeyUse | null {
    return this.#mirror.get(name);
  }

  /** Not told to anybody when it fails: a store that is away must not refuse who has a good key. */
  note(name: string, from: string): void {
    const at = this.#now();
    if (at - (this.#written.get(name) ?? Number.NEGATIVE_INFINITY) < this.#everyMs) return;
    this.#written.set(name, at);
    this.#mirror.put(name, { at, from }).catch(() => undefined);
  }

  async forget(name: string): Promise<void> {
    this.#written.delete(name);
    await this.#mirror.delete(name);
  }

  close(): void {
    this.#mirror.close();
  }
}
