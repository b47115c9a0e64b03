/** `sallyport users`: who may sign in with a password. */

import { SallyportError } from '../../core/errors.ts';
import { newPassword } from '../ask-password.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { withPeople } from '../people.ts';

export function usersCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'users',
      summary: 'who may sign in with a password',
      examples: ['sallyport users add ana', 'sallyport users list', 'sallyport users remove ana'],
    },
    [add(cli), list(cli), remove(cli)],
  );
}

function add(cli: Cli) {
  return newCommand({
    usage: 'add <name>',
    summary: 'add a user, or change their password',
    description: 'Asks for the password twice, or takes it from SALLYPORT_PASSWORD. A new password ends the sessions of the old one.',
    examples: ['sallyport users add ana', 'SALLYPORT_PASSWORD="four unrelated words here" sallyport users add ana'],
  }).action((name: string) =>
    withPeople(cli, async ({ users }) => {
      const known = users.find(name) !== null;
      const password = await newPassword(cli.terminal, name);
      const user = known ? await users.setPassword(name, password) : await users.add(name, password);
      cli.reporter().say({ event: 'user', name: user.name, change: known ? 'changed' : 'added' });
    }),
  );
}

function list(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'the names of all users', examples: ['sallyport users list'] }).action(() =>
    withPeople(cli, async ({ users }) => {
      const reporter = cli.reporter();
      const all = users.list();
      if (all.length === 0) reporter.note('There is no user. Add one: sallyport users add ana');
      for (const { name } of all) reporter.say({ event: 'user', name, change: null });
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
    withPeople(cli, async ({ users }) => {
      if (!(await users.remove(name)))
        throw new SallyportError('user-missing', `There is no user ${JSON.stringify(name)}.`, {
          hint: 'See who there is: sallyport users list',
        });
      cli.reporter().say({ event: 'user', name, change: 'removed' });
    }),
  );
}
