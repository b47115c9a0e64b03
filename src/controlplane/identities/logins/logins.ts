/** What every guard of a login page shares, over one store. */

import type { CodeTable } from './codes.ts';
import { openCodes } from './codes.ts';
import type { Logins } from '../../../contracts/logins.ts';
import type { Store } from '../../../contracts/store.ts';
import type { Sessions, Users } from '../../../contracts/tools.ts';
import type { Limits } from '../../../core/limits.ts';
import { openGuesses } from './guesses.ts';
import { openPasskeys, type PasskeyTable } from './passkeys.ts';
import { createSteps } from './steps.ts';

export type LoginTable = Logins &
  Readonly<{
    codes: CodeTable;
    passkeys: PasskeyTable;
    /** All that a user had, when the user goes. Who comes back under the same name would have none of it anyway. */
    forget: (user: string) => Promise<void>;
    close: () => void;
  }>;

export type LoginTools = Readonly<{
  store: Store;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  limits: Limits;
  users: Pick<Users, 'find'>;
  sessions: Sessions;
}>;

export async function openLogins(tools: LoginTools): Promise<LoginTable> {
  const { store, now, randomBytes, limits, users, sessions } = tools;
  const { records } = store;
  const endSessions = (subject: string): Promise<number> => sessions.revokeSubject(subject);
  const guesses = openGuesses(tools);
  const codes = await openCodes({ records, now, randomBytes, users, endSessions });
  const passkeys = await openPasskeys({ records, now, randomBytes, limits, users, endSessions });
  return {
    guesses,
    codes,
    passkeys,
    steps: createSteps({ now, randomBytes, limits, sessions, guesses, codes, passkeys }),
    forget: async (user) => {
      await codes.remove(user);
      await passkeys.forget(user);
    },
    close: () => [guesses, codes, passkeys].forEach((part) => part.close()),
  };
}
