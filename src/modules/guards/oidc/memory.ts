/** What all services and configurations of one gateway share, so that a reload ends no login and gives no new guesses. */

import type { Tools } from '../../../contracts/tools.ts';
import { Attempts, guessRules } from '../../../core/policy/attempts.ts';
import { Memo } from '../../../core/policy/memo.ts';

export type Memory = Readonly<{
  /** Seals logins that were begun. New at each start: who is in the middle of one begins again. */
  key: Uint8Array;
  /** States that were shown: a login is finished once. */
  used: Memo<true>;
  /** Logout tokens that were taken. */
  logouts: Memo<true>;
  /** Callbacks, by network: each is a question to the provider. */
  attempts: Attempts;
}>;

const memories = new WeakMap<Tools['issuers'], Memory>();

export function memoryOf({ issuers, limits, randomBytes }: Tools): Memory {
  const before = memories.get(issuers);
  if (before !== undefined) return before;
  const memory: Memory = {
    key: randomBytes(32),
    used: new Memo(limits.guessKeysMax, limits.loginMs),
    logouts: new Memo(limits.credentialCacheMax, limits.loginMs),
    attempts: new Attempts(guessRules(limits, limits.guessesPerAddressMax)),
  };
  memories.set(issuers, memory);
  return memory;
}
