/** Users, links and secrets of the home, for commands: opened for one piece of work, then closed. */

import { randomBytes } from 'node:crypto';
import type { Identities } from '../controlplane/identities/identities.ts';
import { openIdentities } from '../controlplane/identities/identities.ts';
import type { Store } from '../contracts/store.ts';
import { defaults } from '../core/limits.ts';
import { openSqliteStore } from '../modules/stores/sqlite.ts';
import type { Cli } from './cli.ts';

export type People = Identities & Readonly<{ store: Store }>;

/**
 * Runs `work` over the home's store. Running processes of the home see its changes at once: they watch the store.
 * Errors: those of the home and the store, and of `work`.
 */
export async function withPeople<Result>(cli: Cli, work: (people: People) => Promise<Result>): Promise<Result> {
  const home = await cli.home();
  const { now } = cli.terminal;
  const store = await openSqliteStore({ path: home.store, now });
  try {
    const identities = await openIdentities({ store, now, randomBytes, limits: defaults });
    try {
      return await work({ ...identities, store });
    } finally {
      identities.close();
    }
  } finally {
    await store.close();
  }
}
