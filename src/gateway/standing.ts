/** Ends what somebody has open when their credential is taken away: a revoked link or key, a removed user, a new password. */

import type { Change, Records } from '../contracts/store.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Keys } from '../contracts/keys.ts';
import type { Users } from '../contracts/tools.ts';

export type StandingOptions = Readonly<{
  records: Pick<Records, 'watch'>;
  users: Pick<Users, 'list'>;
  keys: Pick<Keys, 'list'>;
  /** The subject (`link:3f9a0c11d2`, `user:ana`) has no standing any more, or must show itself again. */
  ended: (subject: string) => void;
}>;

/** What expires is told by the store as a deletion. Sessions and keys end with the link or the user that stands behind them. */
export function watchStanding({ records, users, keys, ended }: StandingOptions): Closable {
  const revisions = new Map(users.list().map(({ name, revision }) => [name, revision]));
  const user = ({ key, entry }: Change): void => {
    const name = key.slice('users/'.length);
    const revision = revisionOf(entry?.value);
    const before = revisions.get(name);
    if (revision === null) revisions.delete(name);
    else revisions.set(name, revision);
    // The same password under a stronger hash is no change.
    if (before !== undefined && before !== revision) ended(`user:${name}`);
    if (revision !== null) return;
    for (const key of keys.list()) if (key.owner === name) ended(`key:${key.name}`);
  };
  const link = ({ key, entry }: Change): void => {
    if (entry === null) ended(`link:${key.slice('links/'.length)}`);
  };
  const key = (change: Change): void => {
    if (change.entry === null) ended(`key:${change.key.slice('keys/'.length)}`);
  };
  const watches = [records.watch('users/', user), records.watch('links/', link), records.watch('keys/', key)];
  return { close: async () => watches.forEach((watch) => watch.close()) };
}

function revisionOf(value: unknown): number | null {
  if (typeof value !== 'object' || value === null || !('revision' in value)) return null;
  return typeof value.revision === 'number' ? value.revision : null;
}
