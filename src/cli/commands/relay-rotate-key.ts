/** `sallyport relay rotate-key`: a new key for the relay, announced before it is used. */

import { setTimeout as pause } from 'node:timers/promises';
import { findIdentity, loadIdentity, nextName, promoteIdentity } from '../../controlplane/certificates/identity.ts';
import { keysOf, listNames } from '../../controlplane/enrolment/names.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { atDesk, liveGateways, tellRelay } from '../relay-desk.ts';

/** A gateway dials at once, and a handshake over the longest way takes a second. */
const backMs = 5_000;
const lookMs = 100;

export function relayRotateKeyCommand(cli: Cli) {
  return newCommand({
    usage: 'rotate-key',
    summary: 'announce a new key of the relay, later use it',
    description:
      'Makes the relay’s next key and announces it: the gateways that are here hear it at once, others when they come, and from then on both keys are good for them. Days later, when all have been here, --use makes it the relay’s key. A gateway that never heard of it must be invited again, and codes that were not spent are worth nothing then.',
    examples: ['sallyport relay rotate-key', 'sallyport relay rotate-key --use'],
  })
    .option('--use', 'use the key that was announced')
    .action((options: Readonly<{ use?: boolean }>) =>
      atDesk(cli, async ({ store }) => {
        const { keys } = await cli.home();
        if (options.use === true) await use(keys);
        else await loadIdentity(keys, nextName('relay'));
        const { fingerprint } = await loadIdentity(keys, 'relay');
        const next = await findIdentity(keys, nextName('relay'));
        const before = await keysHere(cli);
        await tellRelay(cli);
        const here = await backAgain(cli, before);
        const owners = new Set(
          (await listNames(store)).flatMap(({ grant }) => (grant === null || grant.released !== null ? [] : keysOf(grant))),
        );
        const missed = [...owners].filter((owner) => !here.has(owner));
        cli.reporter().say({ event: 'rotation', of: 'relay', fingerprint, next: next?.fingerprint ?? null, missed });
      }),
    );
}

/** The keys of the gateways that are at the running relay. */
async function keysHere(cli: Cli): Promise<ReadonlySet<string>> {
  return new Set((await liveGateways(cli))?.map(({ fingerprint }) => fingerprint) ?? []);
}

/** Who hears of a key is bid goodbye and comes again at once: not there for a moment is not away. */
async function backAgain(cli: Cli, before: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  for (const end = performance.now() + backMs; ;) {
    const here = await keysHere(cli);
    if ([...before].every((key) => here.has(key)) || performance.now() > end) return here;
    await pause(lookMs);
  }
}

async function use(keys: string): Promise<void> {
  if ((await findIdentity(keys, nextName('relay'))) === null)
    throw new SallyportError('usage-wrong', 'No next key has been announced.', {
      hint: 'Announce one first, and give the gateways time to hear of it: sallyport relay rotate-key',
    });
  await promoteIdentity(keys, 'relay');
}
