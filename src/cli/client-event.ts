/** What `sallyport clients` says to scripts. */

import type { ClientLimits } from '../contracts/clients.ts';

/** `key` once, when it was made or rotated here. `members`: the subjects that are this client. `why` it is suspended. */
export type ClientEvent = Readonly<{
  event: 'client';
  name: string;
  contact: string;
  state: 'active' | 'suspended';
  why: string | null;
  members: readonly string[];
  key: string | null;
  roles: readonly string[];
  allow: readonly string[];
  limits: ClientLimits;
  accepted: Readonly<{ version: string; hash: string; at: string; by: string }> | null;
  since: string;
  change: 'added' | 'shown' | 'changed' | 'suspended' | 'resumed' | 'rotated' | 'removed' | null;
}>;
