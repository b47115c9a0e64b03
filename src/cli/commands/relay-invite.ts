/** `sallyport relay invite`: one code that enrols a gateway. */

import { randomBytes } from 'node:crypto';
import { parseDuration } from '../../controlplane/config/duration.ts';
import { loadIdentity } from '../../controlplane/certificates/identity.ts';
import { readNames, readPorts, readRate, readStreams, readVisitors, type Bounds } from '../../controlplane/enrolment/bounds.ts';
import { createInvite } from '../../controlplane/enrolment/invites.ts';
import { readRelayCard } from '../../controlplane/enrolment/relay-card.ts';
import type { Sharing } from '../../contracts/tunnel.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { withPeople } from '../people.ts';
import { labelIn } from '../relay-desk.ts';

type InviteOptions = Readonly<{
  for?: string;
  address?: string;
  names?: string;
  ports?: string;
  expires?: string;
  maxStreams?: string;
  bandwidth?: string;
  maxVisitors?: string;
  standby?: boolean;
  spread?: boolean;
  reserved?: boolean;
  now?: boolean;
}>;

export function relayInviteCommand(cli: Cli) {
  return newCommand({
    usage: 'invite <name>',
    summary: 'make a code that gives a name to a gateway, once',
    description:
      'Makes a code with the relay’s address, its key and a secret that can be spent once. The key that spends it gets the name, all below it, and nothing else; options make the grant narrower or wider. Run it on the relay’s machine; the relay may run meanwhile.',
    examples: [
      'sallyport relay invite blog',
      'sallyport relay invite blog --for 1h --json',
      "sallyport relay invite team --names 'team-*' --expires 30d",
      'sallyport relay invite blog --standby',
      'sallyport relay invite build --ports 2200-2209 --max-streams 50 --bandwidth 2M',
    ],
  })
    .option('--for <time>', 'how long it can be spent (24h)')
    .option('--address <host:port>', 'how the gateway reaches the relay, when not as the relay says')
    .option('--names <globs>', "besides the name itself: '*.NAME' and '**.NAME' below it, 'team-*' beside it (all below it)")
    .option('--ports <range>', 'TCP ports of the relay: 2200-2299')
    .option('--expires <time>', 'when the grant ends: 30d, or a date as 2027-01-31 (never)')
    .option('--max-streams <count>', 'streams at once')
    .option('--bandwidth <rate>', 'bytes per second of all its streams together: 500k, 2M')
    .option('--max-visitors <count>', 'different addresses that may come in a day: 500/day')
    .option('--standby', 'a further gateway for the name: it takes over when the one that serves goes')
    .option('--spread', 'a further gateway for the name: all serve at once, which needs one store for all')
    .option('--reserved', 'the name is meant, though it stands for something else by custom: www, mail, admin')
    .option('--now', 'any key may have a name that was released less than 90 days ago')
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
        const now = cli.terminal.now();
        return createInvite(store, {
          name,
          domain: card.domain,
          relayAddress: options.address ?? card.address,
          fingerprint,
          lifeMs,
          bounds: readBounds(options, labelIn(name, card.domain), now),
          anyKey: options.now === true,
          share: shareOf(options),
          reserved: options.reserved === true,
          now,
          randomBytes,
        });
      });
      const { onlyFor } = invite;
      cli
        .reporter()
        .say({ event: 'invite', name: invite.name, code: invite.code, expires: new Date(invite.expires).toISOString(), onlyFor });
    });
}

/** Error: `usage-wrong`. */
function shareOf({ standby, spread }: InviteOptions): Sharing['how'] {
  if (standby === true && spread === true)
    throw new SallyportError('usage-wrong', 'A name is shared in one way.', { hint: 'Say --standby or --spread.' });
  if (standby === true) return 'standby';
  return spread === true ? 'spread' : 'alone';
}

/** Errors: `name-malformed`, `port-malformed`, `usage-wrong`. */
function readBounds(options: InviteOptions, label: string, now: number): Bounds {
  return {
    names: options.names === undefined ? null : readNames(options.names, label),
    ports: options.ports === undefined ? null : readPorts(options.ports),
    expires: options.expires === undefined ? null : readEnd(options.expires, now),
    visitorsPerDay: options.maxVisitors === undefined ? null : readVisitors(options.maxVisitors),
    streams: options.maxStreams === undefined ? null : readStreams(options.maxStreams),
    bytesPerSecond: options.bandwidth === undefined ? null : readRate(options.bandwidth),
  };
}

/** A span from now, a day (its first moment in UTC), or never. */
function readEnd(text: string, now: number): number | null {
  const span = parseDuration(text);
  if (span === 'never') return null;
  const end = span === null && /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : now + (span ?? Number.NaN);
  if (Number.isFinite(end) && end > now) return end;
  throw new SallyportError('usage-wrong', `--expires ${JSON.stringify(text)} is no time to come.`, {
    hint: 'Write it like --expires 30d or --expires 2027-01-31.',
  });
}
