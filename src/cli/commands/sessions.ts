/** `sallyport sessions`: who is signed in, and ending that. */

import type { ListedSession } from '../../controlplane/identities/sessions.ts';
import { chooseFrom, isOf } from '../choosing.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import type { CliEvent } from '../event.ts';
import { withPeople } from '../people.ts';

export function sessionsCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'sessions',
      summary: 'who is signed in, and ending that',
      examples: ['sallyport sessions list', 'sallyport sessions revoke 3f9a0c11d2b4e877', 'sallyport sessions revoke --user ana'],
    },
    [list(cli), revoke(cli)],
  );
}

function list(cli: Cli) {
  return newCommand({
    usage: 'list',
    summary: 'the sessions that are open, the newest first',
    examples: ['sallyport sessions list', 'sallyport sessions list --user ana'],
  })
    .option('--user <name>', 'only those of this user')
    .action(({ user }: Readonly<{ user?: string }>) =>
      withPeople(cli, async ({ sessions }) => {
        const reporter = cli.reporter();
        const found = sessions.list().filter((session) => user === undefined || isOf(session, user));
        if (found.length === 0) reporter.note(user === undefined ? 'Nobody is signed in.' : `${user} is signed in nowhere.`);
        for (const session of found) reporter.say(eventOf(session, null));
      }),
    );
}

type RevokeOptions = Readonly<{ user?: string; all?: boolean }>;

function revoke(cli: Cli) {
  return newCommand({
    usage: 'revoke [id]',
    summary: 'end a session, and what runs by it',
    description: 'Ends one session by its id, all of a user, or all. What runs by them is cut within a second, in running shares too.',
    examples: ['sallyport sessions revoke 3f9a0c11d2b4e877', 'sallyport sessions revoke --user ana', 'sallyport sessions revoke --all'],
  })
    .option('--user <name>', 'all sessions of this user')
    .option('--all', 'all sessions of everybody')
    .action((id: string | undefined, options: RevokeOptions) =>
      withPeople(cli, async ({ sessions }) => {
        const chosen = choose(sessions.list(), id, options);
        for (const session of chosen) {
          if (await sessions.revoke(session.id)) cli.reporter().say(eventOf(session, 'revoked'));
        }
      }),
    );
}

function choose(all: readonly ListedSession[], id: string | undefined, { user, all: everybody }: RevokeOptions): readonly ListedSession[] {
  return chooseFrom(all, id, {
    kind: 'session',
    missing: 'session-missing',
    list: 'sallyport sessions list',
    said: [
      ['--user NAME', user === undefined ? undefined : (session) => isOf(session, user)],
      ['--all', everybody === undefined ? undefined : () => true],
    ],
  });
}

function eventOf(session: ListedSession, change: 'revoked' | null): Extract<CliEvent, { event: 'session' }> {
  const { id, subject, name, service, audience, createdAt, source, used, expires } = session;
  return {
    event: 'session',
    id,
    who: subject,
    name,
    service,
    host: audience,
    since: new Date(createdAt).toISOString(),
    source,
    used: { at: new Date(used.at).toISOString(), from: used.from },
    expires: new Date(expires).toISOString(),
    change,
  };
}
