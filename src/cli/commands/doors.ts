/** `sallyport doors`: from which addresses raw ports are open after a login, and closing them. */

import type { AddressDoor } from '../../contracts/address-doors.ts';
import { chooseFrom, isOf } from '../choosing.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import type { CliEvent } from '../event.ts';
import { withPeople } from '../people.ts';

export function doorsCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'doors',
      summary: 'addresses that are let in after a login, and closing them',
      examples: ['sallyport doors list', 'sallyport doors close 3f9a0c11d2', 'sallyport doors close --user ana'],
    },
    [list(cli), close(cli)],
  );
}

type Chosen = Readonly<{ user?: string; service?: string; all?: boolean }>;

function list(cli: Cli) {
  return newCommand({
    usage: 'list',
    summary: 'the doors that are open, the newest first',
    examples: ['sallyport doors list', 'sallyport doors list --service ssh'],
  })
    .option('--user <name>', 'only those of this user')
    .option('--service <name>', 'only those to this service')
    .action(({ user, service }: Chosen) =>
      withPeople(cli, async ({ doors }) => {
        const reporter = cli.reporter();
        const found = doors
          .list()
          .filter((door) => (user === undefined || isOf(door, user)) && (service === undefined || door.service === service));
        if (found.length === 0) reporter.note('No door is open.');
        for (const door of found) reporter.say(eventOf(door, null));
      }),
    );
}

function close(cli: Cli) {
  return newCommand({
    usage: 'close [id]',
    summary: 'close a door, and end what came through it',
    description:
      'Closes one door by its id, all of a user, all to a service, or all. What came through them is cut within a second, in running gateways too. Whoever opened it can sign in and open it again: to keep them out, end their credential.',
    examples: [
      'sallyport doors close 3f9a0c11d2',
      'sallyport doors close --user ana',
      'sallyport doors close --service ssh',
      'sallyport doors close --all',
    ],
  })
    .option('--user <name>', 'all doors of this user')
    .option('--service <name>', 'all doors to this service')
    .option('--all', 'all doors of everybody')
    .action((id: string | undefined, options: Chosen) =>
      withPeople(cli, async ({ doors }) => {
        for (const door of choose(doors.list(), id, options)) {
          if (await doors.close(door.id)) cli.reporter().say(eventOf(door, 'closed'));
        }
      }),
    );
}

function choose(all: readonly AddressDoor[], id: string | undefined, { user, service, all: everybody }: Chosen): readonly AddressDoor[] {
  return chooseFrom(all, id, {
    kind: 'door',
    missing: 'door-missing',
    list: 'sallyport doors list',
    said: [
      ['--user NAME', user === undefined ? undefined : (door) => isOf(door, user)],
      ['--service NAME', service === undefined ? undefined : (door) => door.service === service],
      ['--all', everybody === undefined ? undefined : () => true],
    ],
  });
}

function eventOf(door: AddressDoor, change: 'closed' | null): Extract<CliEvent, { event: 'door' }> {
  const { id, subject, name, service, network, web, host, createdAt, expires } = door;
  return {
    event: 'door',
    id,
    who: subject,
    name,
    service,
    address: network.replace(/\/(?:32|128)$/, ''),
    web,
    host,
    since: new Date(createdAt).toISOString(),
    expires: new Date(expires).toISOString(),
    change,
  };
}
