/** `sallyport relay invite`: one code that enrols a gateway. */

import { randomBytes } from 'node:crypto';
import { parseDuration } from '../../controlplane/config/duration.ts';
import { loadIdentity } from '../../controlplane/certificates/identity.ts';
import { createInvite } from '../../controlplane/enrolment/invites.ts';
import { readRelayCard } from '../../controlplane/enrolment/relay-card.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { withPeople } from '../people.ts';

type InviteOptions = Readonly<{ for?: string; address?: string }>;

export function relayInviteCommand(cli: Cli) {
  return newCommand({
    usage: 'invite <name>',
    summary: 'make a code that gives a name to a gateway, once',
    description:
      'Makes a code with the relay’s address, its key and a secret that can be spent once. Run it on the relay’s machine; the relay may run meanwhile.',
    examples: ['sallyport relay invite blog', 'sallyport relay invite blog --for 1h --json'],
  })
    .option('--for <time>', 'how long it can be spent (24h)')
    .option('--address <host:port>', 'how the gateway reaches the relay, when not as the relay says')
    .action(async (name: string, options: InviteOptions) => {
      const lifeMs = options.for === undefined ? defaults.inviteMs : parseDuration(options.for);
      if (typeof lifeMs !== 'number')
        throw new SallyportError('usage-wrong', `--for ${JSON.stringify(options.for)} is no time for an invitation.`, {
          hint: 'Write it like --for 1h.',
        });
      const { keys } = await cli.home();
      const invite = await withPeople(cli, async ({ store }) => {
        const card = await readRelayCard(store);
        const { fingerprint } = await loadIdentity(keys, 'relay');
        return createInvite(store, {
          name,
          domain: card.domain,
          relayAddress: options.address ?? card.address,
          fingerprint,
          lifeMs,
          now: cli.terminal.now(),
          randomBytes,
        });
      });
      cli.reporter().say({ event: 'invite', name: invite.name, code: invite.code, expires: new Date(invite.expires).toISOString() });
    });
}
