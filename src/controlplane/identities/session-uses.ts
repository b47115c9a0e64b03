/** When each session was used last, and from where: held exactly here, written seldom for lists and for the next process. */

import { z } from 'zod';
import type { Records } from '../../contracts/store.ts';
import { Mirror } from './mirror.ts';

/** `at` in milliseconds since 1970. */
export type SessionUse = Readonly<{ at: number; from: string }>;

type Seen = { at: number; from: string; written: number };

const record = z.strictObject({ at: z.number(), from: z.string() });

export class SessionUses {
  readonly #mirror: Mirror<SessionUse>;
  readonly #everyMs: number;
  /** What this process saw. As many as there are sessions: `forget` comes with the end of each. */
  readonly #seen = new Map<string, Seen>();

  private constructor(mirror: Mirror<SessionUse>, everyMs: number) {
    this.#mirror = mirror;
    this.#everyMs = everyMs;
  }

  static async open(records: Records, everyMs: number): Promise<SessionUses> {
    const mirror = await Mirror.open<SessionUse>({
      records,
      prefix: 'session-uses/',
      read: (value) => record.safeParse(value).data ?? null,
    });
    return new SessionUses(mirror, everyMs);
  }

  /** The newest of what this process saw and what others wrote. */
  of(id: string): SessionUse | null {
    const [seen, kept] = [this.#seen.get(id), this.#mirror.get(id)];
    if (seen === undefined) return kept;
    return kept !== null && kept.at > seen.at ? kept : { at: seen.at, from: seen.from };
  }

  /** When it was used last, or 0: asked with each request, so nothing is made. */
  at(id: string): number {
    return Math.max(this.#seen.get(id)?.at ?? 0, this.#mirror.get(id)?.at ?? 0);
  }

  /** `expires`: when the session ends. Not told to anybody when the writing fails: a store that is away must not end a good session. */
  note(id: string, at: number, from: string, expires: number): void {
    const seen = this.#seen.get(id);
    if (seen === undefined) {
      this.#seen.set(id, { at, from, written: at });
    } else {
      seen.at = at;
      seen.from = from;
      if (at - seen.written < this.#everyMs) return;
      seen.written = at;
    }
    this.#mirror.put(id, { at, from }, { ttlMs: Math.max(1, expires - at) }).catch(() => undefined);
  }

  /** The session is gone: what others wrote of it goes with its own time to live. */
  forget(id: string): void {
    this.#seen.delete(id);
  }

  close(): void {
    this.#mirror.close();
  }
}
