/** What all services and configurations of one gateway share, so that a reload ends no ceremony and gives no new guesses. */

import type { Tools } from '../../../contracts/tools.ts';
import { Attempts, guessRules } from '../../../core/policy/attempts.ts';
import { Memo } from '../../../core/policy/memo.ts';

export type Memory = Readonly<{
  /** Seals challenges. New at each start: who is in the middle of something begins again. */
  key: Uint8Array;
  /** Challenges that were answered rightly: each is, once. */
  answered: Memo<true>;
  /**
   * Answers, by network: each costs a signature to check. Nobody guesses one, so that the account is not counted: a stranger
   * could hold its owner off.
   */
  attempts: Attempts;
}>;

const memories = new WeakMap<Tools['logins'], Memory>();

export function memoryOf({ logins, limits, randomBytes }: Tools): Memory {
  const before = memories.get(logins);
  if (before !== undefined) return before;
  const memory: Memory = {
    key: randomBytes(32),
    answered: new Memo(limits.guessKeysMax, limits.loginMs),
    attempts: new Attempts(guessRules(limits, limits.guessesPerAddressMax)),
  };
  memories.set(logins, memory);
  return memory;
}
