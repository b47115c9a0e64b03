/** `sallyport rotate-key`: a new key for this gateway; its relays are told on a carrier of the old one. */

import { randomBytes } from 'node:crypto';
import { loadIdentity, nextName, promoteIdentity } from '../../controlplane/certificates/identity.ts';
import { readVias } from '../../controlplane/config/via.ts';
import { listMemberships, type Membership } from '../../controlplane/enrolment/memberships.ts';
import { wayOut } from '../../controlplane/enrolment/way-out.ts';
import type { MachineIdentity } from '../../contracts/tunnel.ts';
import { SallyportError, fault } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { reachRelay } from '../../dataplane/reach-relay.ts';
import { Way } from '../../dataplane/reach/way.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { withPeople } from '../people.ts';

/** As for joining. */
const reachMs = 25_000;

type Keys = Readonly<{ identity: MachineIdentity; next: MachineIdentity }>;

export function rotateKeyCommand(cli: Cli) {
  return newCommand({
    usage: 'rotate-key',
    summary: 'a new key for this gateway; its relays give it the names of the old one',
    description:
      'Makes a new key and shows it to every relay that was joined, signed by both keys: what the old key was granted is the new one’s, and the old one is worth nothing. Shares that run are cut for a moment and come back by themselves. When no relay can be told, nothing changes.',
    examples: ['sallyport rotate-key'],
  }).action(async () => {
    const { keys } = await cli.home();
    const both = { identity: await loadIdentity(keys, 'gateway'), next: await loadIdentity(keys, nextName('gateway')) };
    const memberships = await withPeople(cli, ({ store }) => listMemberships(store));
    // Who is away is found out before anybody is told: between a relay's answer and our own change nobody comes to us by it.
    const asked = await Promise.all(
      memberships.map(async (membership) => ({ membership, away: await outcomeOf(reach(cli, membership, both)) })),
    );
    const told: Outcome[] = [];
    for (const { membership, away } of asked)
      told.push({
        membership,
        error: away !== null && away.code !== 'relay-refused' ? away : await outcomeOf(renewAt(cli, membership, both)),
      });
    const failed = told.flatMap(({ membership, error }) => (error === null ? [] : [{ missed: membership.address, error }]));
    const [first] = failed;
    if (first !== undefined && failed.length === memberships.length) throw first.error;
    await promoteIdentity(keys, 'gateway');
    cli.reporter().say({
      event: 'rotation',
      of: 'gateway',
      fingerprint: both.next.fingerprint,
      next: null,
      missed: failed.map(({ missed }) => missed),
    });
  });
}

type Outcome = Readonly<{ membership: Membership; error: SallyportError | null }>;

async function outcomeOf(work: Promise<void>): Promise<SallyportError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof SallyportError) return error;
    throw error;
  }
}

/** Comes with one key; shows the next one as well where that is said. Errors: those of `reachRelay`. */
async function reach(
  cli: Cli,
  membership: Membership,
  keys: Readonly<{ identity: MachineIdentity; renewal?: MachineIdentity }>,
): Promise<void> {
  const { identity, renewal } = keys;
  const written = readVias(membership.via?.split(' ') ?? []);
  const way = await withPeople(cli, async ({ secrets }) =>
    wayOut({ written, env: cli.terminal.env, address: membership.address, secret: (name) => secrets.find(name) }),
  );
  const { carrier } = await reachRelay({
    identity,
    ...(renewal === undefined ? {} : { renewal }),
    address: membership.address,
    fingerprint: membership.fingerprint,
    nextFingerprint: membership.next ?? null,
    way: new Way(way),
    instance: randomBytes(16).toString('hex'),
    invite: null,
    limits: defaults,
    signal: AbortSignal.timeout(reachMs),
    open: (stream) => stream.destroy(),
    message: () => undefined,
    goaway: () => undefined,
    end: () => undefined,
  });
  carrier.close(fault('interrupted', 'nothing more to say'));
}

/** Errors: those of `reachRelay`. */
async function renewAt(cli: Cli, membership: Membership, { identity, next }: Keys): Promise<void> {
  try {
    await reach(cli, membership, { identity, renewal: next });
  } catch (error) {
    if (!(error instanceof SallyportError) || error.code !== 'relay-refused') throw error;
    // We may have been killed between the relay's answer and our own change: then it knows the new key.
    await reach(cli, membership, { identity: next }).catch(() => {
      throw error;
    });
  }
}
