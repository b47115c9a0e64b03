/** The relays that this home has joined, and the way to each. */

import { listMemberships, renewMembership } from '../controlplane/enrolment/memberships.ts';
import type { Membership } from '../controlplane/enrolment/memberships.ts';
import type { WrittenVia } from '../controlplane/config/plan.ts';
import { readVias } from '../controlplane/config/via.ts';
import { wayOut } from '../controlplane/enrolment/way-out.ts';
import { SallyportError } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import type { RelayKeys } from '../dataplane/relay-pins.ts';
import type { RelayMembership } from '../gateway/relay-leg.ts';
import type { Cli } from './cli.ts';
import { withPeople } from './people.ts';

/**
 * In the order in which their addresses are shown: as they are written, or the one joined last first.
 * @param relays HOST or HOST:PORT of those that are meant; none of them takes all that were joined
 * @param service chooses among several granted names
 * @param via the way to them as the configuration has it; null takes that of joining, or the environment's
 * Errors: `relay-unreachable` when one of them was never joined, `name-refused`; those of `wayOut`.
 */
export async function membershipsFor(
  cli: Cli,
  relays: readonly string[],
  service: string | null,
  via: WrittenVia | null = null,
): Promise<readonly RelayMembership[]> {
  return withPeople(cli, async ({ store, secrets }) => {
    const all = await listMemberships(store);
    const meant = relays.length === 0 ? all : [...new Set(relays.flatMap((relay) => joinedAt(all, relay)))];
    return meant.slice(0, defaults.relaysMax).map((found): RelayMembership => {
      const { address, fingerprint, next = null } = found;
      const written = via ?? readVias(found.via?.split(' ') ?? []);
      const way = wayOut({ written, env: cli.terminal.env, address, secret: (name) => secrets.find(name) });
      return { address, fingerprint, next, onKeys: keeperOfKeys(cli, found), name: rootOf(found, service), via: way };
    });
  });
}

/** The memberships that somebody means by HOST or HOST:PORT of a relay, or by its domain. Error: `relay-unreachable` when there is none. */
export function joinedAt(all: readonly Membership[], relay: string): readonly Membership[] {
  const found = all.filter((membership) => isAt(membership, relay));
  if (found.length > 0) return found;
  throw new SallyportError('relay-unreachable', `This machine has not joined the relay ${relay}.`, {
    hint:
      all.length === 0
        ? 'Ask its operator for an invitation, then: sallyport join CODE'
        : `It has joined ${all.map(({ address }) => address).join(', ')}. For another one ask its operator for an invitation, then: sallyport join CODE`,
  });
}

function rootOf({ address, grants }: Membership, service: string | null): string {
  const names = grants.filter((name) => !name.startsWith('*.'));
  const name = names.find((each) => service !== null && each.startsWith(`${service}.`)) ?? names[0];
  if (name !== undefined) return name;
  throw new SallyportError('name-refused', `The relay ${address} has granted no name.`, {
    hint: 'Ask its operator for an invitation, then: sallyport join CODE',
  });
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

/** The domain is that of the names: what a relay calls itself could be another one's. */
function isAt({ address, grants }: Membership, relay: string): boolean {
  if (address === relay || address.replace(/:\d+$/, '') === relay) return true;
  return grants.some((name) => !name.startsWith('*.') && name.slice(name.indexOf('.') + 1) === relay);
}
