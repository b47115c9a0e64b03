/** People, sessions, links, keys and passwords over one store, wired to each other. */

import type { Assertions } from '../../contracts/assertions.ts';
import type { Store } from '../../contracts/store.ts';
import type { Tools } from '../../contracts/tools.ts';
import type { Limits } from '../../core/limits.ts';
import { openAddressDoors, type AddressDoorTable } from './address-doors.ts';
import { openAssertions } from './assertions.ts';
import { openKeys, type KeyTable } from './keys.ts';
import { openLinks, type LinkTable } from './links.ts';
import { openLogins, type LoginTable } from './logins/logins.ts';
import type { Argon2Cost } from './password-hash.ts';
import { createPasswords, type PasswordHasher } from './passwords.ts';
import { openPins, type PinTable } from './pins.ts';
import { openSessions, type SessionTable } from './sessions.ts';
import { openSecrets, type Secrets } from './secrets.ts';
import { openUsers, type UserDirectory } from './users.ts';

export type Identities = Readonly<{
  users: UserDirectory;
  sessions: SessionTable;
  links: LinkTable;
  keys: KeyTable;
  pins: PinTable;
  doors: AddressDoorTable;
  passwords: PasswordHasher;
  logins: LoginTable;
  secrets: Secrets;
  assertions: Assertions;
  close: () => void;
}>;

export type IdentityTools = Readonly<{
  store: Store;
  now: Tools['now'];
  randomBytes: Tools['randomBytes'];
  limits: Limits;
  /** Today's cost of a hash; a test takes a lower one. */
  cost?: Argon2Cost;
}>;

/** Reads all of them into memory. Rejects with `store-unavailable` when the store is away. */
export async function openIdentities({ store, now, randomBytes, limits, cost }: IdentityTools): Promise<Identities> {
  const { records } = store;
  const sessions = await openSessions({ records, now, randomBytes, limits });
  const endSessions = (subject: string): Promise<unknown> => sessions.revokeSubject(subject);
  let users: UserDirectory | null = null;
  const passwords = createPasswords({
    limits,
    randomBytes,
    ...(cost === undefined ? {} : { cost }),
    // A store that is away now leaves the old hash; the next login tries again.
    outdated: (hash, fresh) => void users?.rehash(hash, fresh).catch(() => undefined),
  });
  users = await openUsers({ records, now, limits, passwords, endSessions });
  const links = await openLinks({ records, now, randomBytes, limits, endSessions });
  const keys = await openKeys({ records, now, randomBytes, limits, users });
  const pins = await openPins({ records, now, passwords, endSessions });
  const sessionEnds = (id: string): number | null => sessions.endOf(id);
  const doors = await openAddressDoors({ records, now, randomBytes, limits, users, links, keys, sessionEnds });
  const logins = await openLogins({ store, now, randomBytes, limits, users, sessions });
  const parts = { users, sessions, links, keys, pins, logins, secrets: await openSecrets(records) };
  return {
    ...parts,
    doors,
    passwords,
    assertions: await openAssertions(records),
    close: () => {
      doors.end();
      Object.values(parts).forEach((part) => part.close());
    },
  };
}
