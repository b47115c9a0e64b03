/** People of a state directory, as another process has them. */

import { randomBytes } from 'node:crypto';
import { openIdentities, type Identities } from '../../src/controlplane/identities/identities.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';

export async function peopleOf<Result>(path: string, task: (people: Identities) => Promise<Result>): Promise<Result> {
  const store = await openSqliteStore({ path, now: Date.now });
  const people = await openIdentities({ store, now: Date.now, randomBytes, limits: limitsWith({}) });
  try {
    return await task(people);
  } finally {
    people.close();
    await store.close();
  }
}
