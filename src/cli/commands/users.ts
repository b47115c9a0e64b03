/** `sallyport users`: who may sign in with a password, and what they are. */

import { checkedHours } from '../../controlplane/identities/checked-hours.ts';
import type { User } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { hoursExpected } from '../../core/policy/hours.ts';
import { newPassword } from '../ask-password.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import type { CliEvent } from '../event.ts';
import { withPeople } from '../people.ts';
import { gathered } from '../share-options.ts';
import { endOf } from '../said-end.ts';
import { usersPasskey, usersPasskeys } from './users-passkeys.ts';
import { usersTotp } from './users-totp.ts';

export function usersCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'users',
      summary: 'who may sign in with a password',
      examples: ['sallyport users add ana', 'sallyport users roles ana editor', 'sallyport users list', 'sallyport users remove ana'],
    },
    [add(cli), roles(cli), hours(cli), usersTotp(cli), usersPasskey(cli), usersPasskeys(cli), unlock(cli), list(cli), remove(cli)],
  );
}

type AddOptions = Readonly<{ role?: readonly string[]; for?: string; until?: string; hours?: string }>;

function add(cli: Cli) {
  return newCommand({
    usage: 'add <name>',
    summary: 'add a user, or change their password',
    description: 'Asks for the password twice, or takes it from SALLYPORT_PASSWORD. A new password ends the sessions of the old one.',
    examples: [
      'sallyport users add ana',
      'sallyport users add ana --role editor --for 30d',
      'sallyport users add ben --until 2027-01-31T18:00:00Z --hours "Mon-Fri 08:00-18:00 Europe/Berlin"',
      'SALLYPORT_PASSWORD="four unrelated words here" sallyport users add ana',
    ],
  })
    .option('--role <role>', 'a role that rules know them by, in every service; may be said again', gathered)
    .option('--for <time>', 'when they end by themselves: 30d, 1w, never')
    .option('--until <moment>', 'the same as a moment: 2027-01-31T18:00:00Z')
    .option('--hours <hours>', 'when they may come in: "Mon-Fri 08:00-18:00 Europe/Berlin"')
    .action((name: string, options: AddOptions) =>
      withPeople(cli, async ({ users }) => {
        const expires = endOf(options, cli.terminal.now());
        if (options.hours !== undefined) checkedHours(options.hours);
        const wanted = options.role?.flatMap((each) => each.split(','));
        const known = users.find(name) !== null;
        const password = await newPassword(cli.terminal, name);
        let user = known ? await users.setPassword(name, password) : await users.add(name, password, wanted);
        if (known && wanted !== undefined) user = await users.setRoles(name, wanted);
        if (expires !== undefined) user = await users.setExpiry(name, expires);
        if (options.hours !== undefined) user = await users.setHours(name, options.hours);
        cli.reporter().say(eventOf(user, known ? 'changed' : 'added'));
      }),
    );
}

function roles(cli: Cli) {
  return newCommand({
    usage: 'roles <name> [roles]',
    summary: 'say what a user is, in every service',
    description: 'Replaces the roles of a user. Sessions stay; what runs is cut within a second, so that it is judged by the new roles.',
    examples: ['sallyport users roles ana editor,admin', 'sallyport users roles ana --none'],
  })
    .option('--none', 'take all roles away')
    .action((name: string, text: string | undefined, { none }: Readonly<{ none?: boolean }>) =>
      withPeople(cli, async ({ users }) => {
        if ((text === undefined) === (none === undefined))
          throw new SallyportError('usage-wrong', 'Say the roles, or --none.', {
            hint: `For example: sallyport users roles ${name} editor`,
          });
        const user = await users.setRoles(name, text?.split(',') ?? []);
        cli.reporter().say({ ...eventOf(user, 'changed'), roles: user.roles });
      }),
    );
}

function hours(cli: Cli) {
  return newCommand({
    usage: 'hours <name> [hours]',
    summary: 'say when a user may come in',
    description:
      'Replaces the hours of a user. Outside of them nobody comes in with their password, and what runs is cut. Several with ; between.',
    examples: ['sallyport users hours ana "Mon-Fri 08:00-18:00 Europe/Berlin"', 'sallyport users hours ana --always'],
  })
    .option('--always', 'at all times again')
    .action((name: string, text: string | undefined, { always }: Readonly<{ always?: boolean }>) =>
      withPeople(cli, async ({ users }) => {
        if ((text === undefined) === (always === undefined))
          throw new SallyportError('usage-wrong', 'Say the hours, or --always.', { hint: `Write ${hoursExpected}.` });
        cli.reporter().say(eventOf(await users.setHours(name, text ?? null), 'changed'));
      }),
    );
}

function unlock(cli: Cli) {
  return newCommand({
    usage: 'unlock <name>',
    summary: 'let a user try again at once, after wrong passwords',
    description: 'Forgets the wrong passwords that were tried for a user, and the waits of the networks they came from, in running shares.',
    examples: ['sallyport users unlock ana'],
  }).action((name: string) =>
    withPeople(cli, async ({ users, store }) => {
      const user = users.find(name);
      if (user === null) throw missing(name);
      await store.bus.publish('users.unlock', user.name);
      cli.reporter().say({ event: 'user', name: user.name, change: 'unlocked' });
    }),
  );
}

function list(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'all users, with their roles', examples: ['sallyport users list'] }).action(() =>
    withPeople(cli, async ({ users, logins: { codes, passkeys } }) => {
      const reporter = cli.reporter();
      const all = users.list();
      if (all.length === 0) reporter.note('There is no user. Add one: sallyport users add ana');
      for (const user of all) {
        const has = codes.has(user.name) ? { codes: { recovery: codes.recoveryLeft(user.name) } } : {};
        const own = passkeys.of(user.name).length;
        reporter.say({ ...eventOf(user, null), ...has, ...(own === 0 ? {} : { passkeys: own }) });
      }
    }),
  );
}

function remove(cli: Cli) {
  return newCommand({
    usage: 'remove <name>',
    summary: 'remove a user and end their sessions',
    description: 'Removes a user and ends their sessions, in running shares too.',
    examples: ['sallyport users remove ana'],
  }).action((name: string) =>
    withPeople(cli, async ({ users, logins }) => {
      const user = users.find(name)?.name ?? name;
      if (!(await users.remove(name))) throw missing(name);
      await logins.forget(user);
      cli.reporter().say({ event: 'user', name, change: 'removed' });
    }),
  );
}

function missing(name: string): SallyportError {
  return new SallyportError('user-missing', `There is no user ${JSON.stringify(name)}.`, {
    hint: 'See who there is: sallyport users list',
  });
}

type UserEvent = Extract<CliEvent, { event: 'user' }>;

function eventOf({ name, roles: has, expires, hours: when }: User, change: UserEvent['change']): UserEvent {
  return {
    event: 'user',
    name,
    ...(has.length === 0 ? {} : { roles: has }),
    ...(expires === undefined ? {} : { expires: new Date(expires).toISOString() }),
    ...(when === undefined ? {} : { hours: when }),
    change,
  };
}
