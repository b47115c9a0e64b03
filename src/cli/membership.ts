/** The relay that this home has joined, if any. */

import type { RelayMembership } from '../gateway/relay-leg.ts';
import type { Cli } from './cli.ts';

/** `relay` names the one that is meant; null takes what was joined. Errors: `relay-unreachable` when it was never joined. */
export async function membershipFor(_cli: Cli, _relay: string | null): Promise<RelayMembership | null> {
  return null;
}
