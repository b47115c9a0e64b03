/** The relay that this home has joined, if any. */

import { listMemberships } from '../controlplane/enrolment/memberships.ts';
import type { Membership } from '../controlplane/enrolment/memberships.ts';
import { SallyportError } from '../core/errors.ts';
import type { RelayMembership } from '../gateway/relay-leg.ts';
import type { Cli } from './cli.ts';
import { withPeople } from './people.ts';

/**
 * @param relay HOST or HOST:PORT of the one that is meant; null takes the one that was joined last
 * @param service chooses among several granted names
 * Errors: `relay-unreachable` when that relay was never joined.
 */
export async function membershipFor(cli: Cli, relay: string | null, service: string | null): Promise<RelayMembership | null> {
  const all = await withPeople(cli, ({ store }) => listMemberships(store));
  const found = relay === null ? all[0] : all.find((membership) => isAt(membership, relay));
  if (found === undefined && relay !== null) {
    throw new SallyportError('relay-unreachable', `This machine has not joined the relay ${relay}.`, {
      hint: 'Ask its operator for an invitation, then: sallyport join CODE',
    });
  }
  if (found === undefined) return null;
  const names = found.grants.filter((name) => !name.startsWith('*.'));
  const name = names.find((each) => service !== null && each.startsWith(`${service}.`)) ?? names[0];
  if (name === undefined)
    throw new SallyportError('name-refused', `The relay ${found.address} has granted no name.`, {
      hint: 'Ask its operator for an invitation, then: sallyport join CODE',
    });
  return { address: found.address, fingerprint: found.fingerprint, name };
}

function isAt({ address, domain }: Membership, relay: string): boolean {
  return address === relay || address.replace(/:\d+$/, '') === relay || domain === relay;
}
