/** `sallyport users passkey` and `users passkeys`: inviting somebody to make one, and what there is. */

import { readServiceName } from '../../controlplane/config/forms.ts';
import type { Passkey } from '../../contracts/passkeys.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { instant } from '../event.ts';
import type { FactorEvent } from '../factor-event.ts';
import { withPeople } from '../people.ts';
import { urlOf } from '../running.ts';

export function usersPasskey(cli: Cli) {
  return newCommand({
    usage: 'passkey <name>',
    summary: 'invite a user to make a passkey',
    description:
      'Makes a link, once and for a day. Whoever opens it first makes a passkey of this user at this service, on their own device. Services ask for passkeys where their access says passkey.',
    examples: ['sallyport users passkey ana --service blog', 'sallyport users passkey ana --service blog --label "Ana\'s phone"'],
  })
    .requiredOption('--service <service>', 'the service whose page it is made on; it works at that name alone')
    .option('--label <words>', 'of which device, for your own lists')
    .action(async (name: string, { service, label }: Readonly<{ service: string; label?: string }>) => {
      if (readServiceName(service) === null)
        throw new SallyportError('service-missing', `There is no service ${JSON.stringify(service)}.`, {
          hint: 'See what is open: sallyport status',
        });
      const { secret, expires, user } = await withPeople(cli, async ({ users, logins }) => ({
        ...(await logins.passkeys.invite({ user: name, service, label: label ?? null })),
        user: users.find(name)?.name ?? name,
      }));
      const address = await urlOf(cli, service);
      const reporter = cli.reporter();
      // Behind the hash: a browser sends it to nobody, so that it stands in no log on the way.
      // Of a service below a path the name alone: what is ours lies at its root.
      const url = `${address === null ? '' : new URL(address).origin}/.sallyport/enrol#${secret}`;
      reporter.say({ event: 'invitation', name: user, service, url, expires: new Date(expires).toISOString(), change: 'added' });
      if (address === null) reporter.note(`${service} is not running here: put its address before the link.`);
    });
}

export function usersPasskeys(cli: Cli) {
  return newCommand({
    usage: 'passkeys <name> [verb] [id]',
    summary: 'the passkeys of a user: list, remove ID',
    description: 'Lists the passkeys of a user, or removes one by its id. Removing one ends the sessions of the user.',
    examples: ['sallyport users passkeys ana', 'sallyport users passkeys ana remove 3f9a0c11d2'],
  }).action((name: string, verb = 'list', id: string | undefined) =>
    withPeople(cli, async ({ users, logins: { passkeys } }) => {
      const user = users.find(name)?.name;
      if (user === undefined)
        throw new SallyportError('user-missing', `There is no user ${JSON.stringify(name)}.`, {
          hint: 'See who there is: sallyport users list',
        });
      const reporter = cli.reporter();
      const all = passkeys.of(user);
      if (verb === 'list' && id === undefined) {
        if (all.length === 0) reporter.note(`${user} has no passkey. Invite them: sallyport users passkey ${user} --service SERVICE`);
        for (const each of all) reporter.say(eventOf(each, null));
        return;
      }
      if (verb !== 'remove' || id === undefined)
        throw new SallyportError('usage-wrong', 'Say list, or remove and an id.', {
          hint: `For example: sallyport users passkeys ${user} remove 3f9a0c11d2`,
        });
      const found = all.find((each) => each.id === id);
      if (found === undefined || !(await passkeys.remove(user, id)))
        throw new SallyportError('secret-missing', `${user} has no passkey ${JSON.stringify(id)}.`, {
          hint: `See what there is: sallyport users passkeys ${user}`,
        });
      reporter.say(eventOf(found, 'removed'));
    }),
  );
}

function eventOf({ user, id, host, label, synced, createdAt, usedAt }: Passkey, change: 'removed' | null): FactorEvent {
  const since = new Date(createdAt).toISOString();
  return { event: 'passkey', name: user, id, host, label, synced, since, used: instant(usedAt), change };
}
