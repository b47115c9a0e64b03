/** `sallyport leave`: forgets a relay that this machine has joined. */

import { forgetMembership, listMemberships } from '../../controlplane/enrolment/memberships.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { joinedAt } from '../membership.ts';
import { withPeople } from '../people.ts';

export function leaveCommand(cli: Cli) {
  return newCommand({
    usage: 'leave <relay>',
    summary: 'forget a relay that this machine has joined',
    description:
      'Forgets the relay, its key and what it granted: nothing is shared there any more from the next start on. What runs goes on until it is ended. The relay keeps the names for this machine’s key until its operator releases them; to come again takes a new invitation.',
    examples: ['sallyport leave relay.example.org', 'sallyport leave relay.example.org:8443'],
  }).action(async (relay: string) => {
    const reporter = cli.reporter();
    const forgotten = await withPeople(cli, async ({ store }) => {
      const found = joinedAt(await listMemberships(store), relay);
      for (const membership of found) await forgetMembership(store, membership);
      return found;
    });
    for (const { address, grants } of forgotten) reporter.say({ event: 'forgotten', relay: address, grants });
  });
}
