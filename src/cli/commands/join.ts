/** `sallyport join`: enrols this machine at a relay. */

import { randomBytes } from 'node:crypto';
import { loadIdentity } from '../../controlplane/certificates/identity.ts';
import { parseInvite } from '../../controlplane/enrolment/invite-code.ts';
import { addMembership } from '../../controlplane/enrolment/memberships.ts';
import { viaExpected, readVias } from '../../controlplane/config/via.ts';
import { wayOut } from '../../controlplane/enrolment/way-out.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { join } from '../../dataplane/join-relay.ts';
import { Way } from '../../dataplane/reach/way.ts';
import { hideArguments } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { withPeople } from '../people.ts';
import { gathered } from '../share-options.ts';
import { standardInput } from '../standard-input.ts';

/** A relay that is there answers at once; one that must be reached in another wrapping is waited for twice. */
const joinMs = 25_000;

export function joinCommand(cli: Cli) {
  return newCommand({
    usage: 'join <code>',
    summary: 'enrol this machine at a relay',
    description:
      'Spends the code that `sallyport relay invite` printed. A machine may join several relays; the same relay again updates what it granted. The keys are made here and never leave this machine. With "-" the code is read from standard input, where no other user can see it.',
    examples: ['sallyport join sp1~blog.example.org~…', 'pbpaste | sallyport join -', 'sallyport join - --via http://proxy.example:3128'],
  })
    .option('--via <way>', 'through a proxy, or in a WebSocket; what via: says in sallyport.yaml, and remembered', gathered)
    .action(async (code: string, options: Readonly<{ via?: readonly string[] }>) => {
      const reporter = cli.reporter();
      const invite = parseInvite(code === '-' ? await standardInput(cli.terminal) : hideArguments(code));
      const identity = await loadIdentity((await cli.home()).keys, 'gateway');
      const written = options.via === undefined ? null : readVias(options.via);
      if (options.via !== undefined && written === null)
        throw new SallyportError('usage-wrong', 'What --via says is no way to a relay.', { hint: `It is ${viaExpected}.` });
      const via = await withPeople(cli, async ({ secrets }) =>
        wayOut({ written, env: cli.terminal.env, address: invite.relayAddress, secret: (name) => secrets.find(name) }),
      );
      const joined = await join({
        way: new Way(via),
        invite,
        identity,
        limits: defaults,
        signal: AbortSignal.timeout(joinMs),
        instance: randomBytes(16).toString('hex'),
      });
      const { domain, grants } = joined;
      await withPeople(cli, ({ store }) =>
        addMembership(store, {
          address: invite.relayAddress,
          fingerprint: invite.fingerprint,
          domain,
          grants,
          joinedAt: cli.terminal.now(),
          via: options.via?.join(' '),
        }),
      );
      reporter.say({ event: 'joined', relay: joined.relay, grants });
    });
}
