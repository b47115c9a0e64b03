/** `sallyport secrets`: what senders of webhooks sign with, named by the configuration. */

import { randomBytes } from 'node:crypto';
import { readCredentials } from '../../controlplane/enrolment/way-out.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { withPeople } from '../people.ts';
import { standardInput } from '../standard-input.ts';

export function secretsCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'secrets',
      summary: 'what webhooks are signed with',
      examples: ['sallyport secrets add build', 'sallyport secrets list', 'sallyport secrets remove build'],
    },
    [add(cli), list(cli), remove(cli)],
  );
}

type AddOptions = Readonly<{ stdin?: boolean; proxy?: boolean; mail?: boolean }>;

function add(cli: Cli) {
  return newCommand({
    usage: 'add <name>',
    summary: 'make a secret and show it once, or store one that the sender made',
    description:
      'Makes a secret under the name that `webhook: { secret: NAME }` says, and shows it once. With --stdin it stores the one that the sender made; with --proxy the USER:PASSWORD that a proxy on the way to the relay asks for, also from standard input; with --mail the password of a mail server, which may be shorter.',
    examples: [
      'sallyport secrets add build',
      'pbpaste | sallyport secrets add stripe-live --stdin',
      'pbpaste | sallyport secrets add proxy --proxy',
      'pbpaste | sallyport secrets add mail --mail',
    ],
  })
    .option('--stdin', 'read the secret from standard input')
    .option('--proxy', 'read USER:PASSWORD of a proxy from standard input, for via: in sallyport.yaml')
    .option('--mail', 'read the password of a mail server from standard input, for mail: in sallyport.yaml')
    .action(async (name: string, options: AddOptions) => {
      const given = options.stdin === true || options.proxy === true || options.mail === true ? await standardInput(cli.terminal) : null;
      if (given !== null && options.proxy === true && readCredentials(given, 'http') === null)
        throw new SallyportError('usage-wrong', 'What came on standard input is no USER:PASSWORD.', {
          hint: 'One line, with a colon between.',
        });
      if (given !== null && options.proxy !== true && options.mail !== true && given.length < 16)
        throw new SallyportError('password-weak', 'A secret has 16 characters at least.', {
          hint: 'Let Sallyport make one: leave out --stdin.',
        });
      if (given === '') throw new SallyportError('usage-wrong', 'Nothing came on standard input.', { hint: 'Hand in one line.' });
      const secret = given ?? randomBytes(24).toString('base64url');
      await withPeople(cli, ({ secrets }) => secrets.put(name, Buffer.from(secret)));
      cli.reporter().say({ event: 'secret', name, change: 'added', value: given === null ? secret : null });
    });
}

function list(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'their names, never what they are', examples: ['sallyport secrets list'] }).action(() =>
    withPeople(cli, async ({ secrets }) => {
      const reporter = cli.reporter();
      const names = secrets.names();
      if (names.length === 0) reporter.note('There is no secret. Make one: sallyport secrets add build');
      for (const name of names) reporter.say({ event: 'secret', name, change: null, value: null });
    }),
  );
}

function remove(cli: Cli) {
  return newCommand({
    usage: 'remove <name>',
    summary: 'forget a secret: its webhook refuses everybody',
    examples: ['sallyport secrets remove build'],
  }).action((name: string) =>
    withPeople(cli, async ({ secrets }) => {
      if (!(await secrets.remove(name)))
        throw new SallyportError('secret-missing', `There is no secret ${JSON.stringify(name)}.`, {
          hint: 'See what there is: sallyport secrets list',
        });
      cli.reporter().say({ event: 'secret', name, change: 'removed', value: null });
    }),
  );
}
