/** API keys, as guards see them: found by their digest, never by themselves. */

import type { Network } from '../core/address.ts';

export type Key = Readonly<{
  /** What it is called in lists, logs and rules: `ci-deploy`. */
  name: string;
  /** The user who answers for it, or null. A key whose owner is gone opens nothing. */
  owner: string | null;
  roles: readonly string[];
  createdAt: number;
  /** Milliseconds since 1970, or null for never. */
  expires: number | null;
  /** When it opens, as `readHours` takes it; left out for always. */
  hours?: string;
  /** Where it may be used from; empty for everywhere. */
  networks: readonly Network[];
}>;

/** All keys, mirrored in memory from the store so that a look is synchronous. */
export interface Keys {
  /** SHA-256 of what may be a key; null for text that is none of ours: another prefix, another length, a wrong checksum. */
  digest(text: string): string | null;
  /** Null when unknown, expired, revoked, rotated away, or its owner is gone. */
  find(digest: string): Key | null;
  byName(name: string): Key | null;
  list(): readonly Key[];
  /** Remembers that it was used now, at most once in `keyUseMs` for each key. Never throws, never waits. */
  used(key: Key, from: string): void;
}
