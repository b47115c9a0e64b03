/** Where the users of a guard `password` come from: those of the store, or a file of the operator's. */

import type { Tools, User } from '../../../contracts/tools.ts';

export interface UserSource {
  /** Synchronous. */
  find(name: string): User | null;
  /** The hash that somebody unknown is checked against, so that it takes as long; null for the usual one. */
  standIn(name: string): string | null;
}

export function storedUsers({ users }: Pick<Tools, 'users'>): UserSource {
  return { find: (name) => users.find(name), standIn: () => null };
}
