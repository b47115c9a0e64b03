/** The relay that this home has joined, if any, and the way to it. */

import { listMemberships, renewMembership } from '../controlplane/enrolment/memberships.ts';
import type { Membership } from '../controlplane/enrolment/memberships.ts';
import type { WrittenVia } from '../controlplane/config/plan.ts';
import { readVias } from '../controlplane/config/via.ts';
import { wayOut } from '../controlplane/enrolment/way-out.ts';
import { SallyportError } from '../core/errors.ts';
import type { RelayKeys } from '../dataplane/relay-pins.ts';
import type { RelayMembership } from '../gateway/relay-leg.ts';
import type { Cli } from './cli.ts';
import { withPeople } from './people.ts';

/**
 * @param relay HOST or HOST:PORT of the one that is meant; null takes the one that was joined last
 * @param service chooses among several granted names
 * @param via the way to it as the configuration has it; null takes that of joining, or the environment's
 * Errors: `relay-unreachable` when that relay was never joined; those of `wayOut`.
 */
export async function membershipFor(
  cli: Cli,
  relay: string | null,
  service: string | null,
  via: WrittenVia | null = null,
): Promise<RelayMembership | null> {
  const { found, way } = await withPeople(cli, async ({ store, secrets }) => {
    const all = await listMemberships(store);
    const joined = relay === null ? all[0] : all.find((membership) => isAt(membership, relay));
    if (joined === undefined) return { found: joined, way: null };
    const written = via ?? readVias(joined.via?.split(' ') ?? []);
    return {
      found: joined,
      way: wayOut({ written, env: cli.terminal.env, address: joined.address, secret: (name) => secrets.find(name) }),
    };
  });
  if (found === undefined && relay !== null) {
    throw new SallyportError('relay-unreachable', `This machine has not joined the relay ${relay}.`, {
      hint: 'Ask its operator for an invitation, then: sallyport join CODE',
    });
  }
  if (found === undefined || way === null) return null;
  const names = found.grants.filter((name) => !name.startsWith('*.'));
  const name = names.find((each) => service !== null && each.startsWith(`${service}.`)) ?? names[0];
  if (name === undefined)
    throw new SallyportError('name-refused', `The relay ${found.address} has granted no name.`, {
      hint: 'Ask its operator for an invitation, then: sallyport join CODE',
    });
  return {
    address: found.address,
    fingerprint: found.fingerprint,
    next: found.next ?? null,
    onKeys: keeperOfKeys(cli, found),
    name,
    via: way,
  };
}

/** Writes down what the relay's keys have become, one after the other. */
function keeperOfKeys(cli: Cli, { fingerprint }: Membership): (keys: RelayKeys) => void {
  let before = fingerprint;
  let turn: Promise<unknown> = Promise.resolve();
  return (keys) => {
    turn = turn
      .then(() => withPeople(cli, ({ store }) => renewMembership(store, before, keys)))
      .then(() => (before = keys.fingerprint))
      // What was not written is learnt again by the next carrier of the next process, while both keys hold.
      .catch(() => undefined);
  };
}

function isAt({ address, domain }: Membership, relay: string): boolean {
  return address === relay || address.replace(/:\d+$/, '') === relay || domain === relay;
}
