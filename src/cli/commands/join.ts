/** `sallyport join`: enrols this machine at a relay. */

import { randomBytes } from 'node:crypto';
import { loadIdentity } from '../../controlplane/certificates/identity.ts';
import { parseInvite } from '../../controlplane/enrolment/invite-code.ts';
import { saveMembership } from '../../controlplane/enrolment/memberships.ts';
import { defaults } from '../../core/limits.ts';
import { join } from '../../dataplane/reach-relay.ts';
import { hideArguments } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { withPeople } from '../people.ts';
import { standardInput } from '../standard-input.ts';

/** A relay that is there answers at once. */
const joinMs = 15_000;

export function joinCommand(cli: Cli) {
  return newCommand({
    usage: 'join <code>',
    summary: 'enrol this machine at a relay',
    description:
      'Spends the code that `sallyport relay invite` printed. The keys are made here and never leave this machine. With "-" the code is read from standard input, where no other user can see it.',
    examples: ['sallyport join sp1~blog.example.org~…', 'pbpaste | sallyport join -'],
  }).action(async (code: string) => {
    const reporter = cli.reporter();
    const invite = parseInvite(code === '-' ? await standardInput(cli.terminal) : hideArguments(code));
    const identity = await loadIdentity((await cli.home()).keys, 'gateway');
    const joined = await join({
      invite,
      identity,
      limits: defaults,
      signal: AbortSignal.timeout(joinMs),
      instance: randomBytes(16).toString('hex'),
    });
    const { domain, grants } = joined;
    await withPeople(cli, ({ store }) =>
      saveMembership(store, {
        address: invite.relayAddress,
        fingerprint: invite.fingerprint,
        domain,
        grants,
        joinedAt: cli.terminal.now(),
      }),
    );
    reporter.say({ event: 'joined', relay: joined.relay, grants });
  });
}
