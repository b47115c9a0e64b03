/** `sallyport keys`: API keys for programs. */

import { parseDuration } from '../../controlplane/config/duration.ts';
import type { KeyTable } from '../../controlplane/identities/keys.ts';
import type { Key } from '../../contracts/keys.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { instant, type CliEvent } from '../event.ts';
import { withPeople } from '../people.ts';
import { gathered } from '../share-options.ts';
import { endOf } from '../said-end.ts';
import { checkedNetworks } from '../share-request.ts';

export function keysCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'keys',
      summary: 'API keys for programs',
      examples: ['sallyport keys add ci --for 90d', 'sallyport keys list', 'sallyport keys rotate ci', 'sallyport keys revoke ci'],
    },
    [add(cli), list(cli), rotate(cli), revoke(cli)],
  );
}

type AddOptions = Readonly<{
  for?: string;
  until?: string;
  hours?: string;
  role?: readonly string[];
  owner?: string;
  allow?: readonly string[];
}>;

function add(cli: Cli) {
  return newCommand({
    usage: 'add <name>',
    summary: 'make a key; it is shown once',
    description:
      'Makes a key for services whose access has one: access: [{ key: {} }]. Programs send it as X-API-Key, as Authorization: Bearer, or as the password of Basic with the name of the key as user. It is shown once and kept only as a hash.',
    examples: [
      'sallyport keys add ci --for 90d',
      'sallyport keys add ci --until 2027-01-31T18:00:00Z --hours "daily 22:00-06:00 UTC"',
      'sallyport keys add backup --role writer --allow 192.0.2.0/24 --for never',
    ],
  })
    .option('--for <time>', 'how long it opens: 30d, 1w, never; 90d where nothing is said')
    .option('--until <moment>', 'the same as a moment: 2027-01-31T18:00:00Z')
    .option('--hours <hours>', 'when it opens: "Mon-Fri 08:00-18:00 Europe/Berlin"')
    .option('--role <role>', 'a role that it has; may be said again', gathered)
    .option('--owner <user>', 'the user who answers for it; it ends with them')
    .option('--allow <network>', 'only from this address or network', gathered)
    .action((name: string, options: AddOptions) =>
      withPeople(cli, async ({ keys }) => {
        const { key, secret } = await keys.create({
          name,
          owner: options.owner ?? null,
          roles: (options.role ?? []).flatMap((each) => each.split(',')),
          expires: endOf({ for: options.until === undefined ? '90d' : undefined, ...options }, cli.terminal.now()) ?? null,
          hours: options.hours ?? null,
          allow: checkedNetworks(options.allow ?? []),
        });
        cli.reporter().say(eventOf(key, keys, 'added', secret));
      }),
    );
}

function list(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'all keys, without their text', examples: ['sallyport keys list'] }).action(() =>
    withPeople(cli, async ({ keys }) => {
      const reporter = cli.reporter();
      const all = keys.list();
      if (all.length === 0) reporter.note('There is no key.');
      for (const key of all) reporter.say(eventOf(key, keys, null));
    }),
  );
}

function rotate(cli: Cli) {
  return newCommand({
    usage: 'rotate <name>',
    summary: 'give a key a new text; the old one is good for a while',
    examples: ['sallyport keys rotate ci', 'sallyport keys rotate ci --overlap 1h', 'sallyport keys rotate ci --now'],
  })
    .option('--overlap <time>', 'how long the old text opens as well', '24h')
    .option('--now', 'the old text opens nothing from now on')
    .action((name: string, options: Readonly<{ overlap: string; now?: boolean }>) =>
      withPeople(cli, async ({ keys }) => {
        const { key, secret } = await keys.rotate(name.toLowerCase(), options.now === true ? 0 : overlapMs(options.overlap));
        cli.reporter().say(eventOf(key, keys, 'rotated', secret));
      }),
    );
}

function revoke(cli: Cli) {
  return newCommand({
    usage: 'revoke <name>',
    summary: 'end a key, and what runs by it',
    examples: ['sallyport keys revoke ci'],
  }).action((name: string) =>
    withPeople(cli, async ({ keys }) => {
      const key = keys.list().find((each) => each.name === name.toLowerCase());
      if (!(await keys.revoke(name)) || key === undefined)
        throw new SallyportError('key-missing', `There is no key ${JSON.stringify(name)}.`, {
          hint: 'See what there is: sallyport keys list',
        });
      cli.reporter().say(eventOf(key, keys, 'revoked'));
    }),
  );
}

function overlapMs(text: string): number {
  const ms = parseDuration(text);
  if (typeof ms === 'number') return ms;
  throw new SallyportError('usage-wrong', `--overlap ${JSON.stringify(text)} is no time.`, {
    hint: 'Write it like --overlap 24h, or --now.',
  });
}

type KeyEvent = Extract<CliEvent, { event: 'key' }>;

function eventOf(key: Key, keys: KeyTable, change: KeyEvent['change'], secret: string | null = null): KeyEvent {
  const use = keys.lastUse(key.name);
  return {
    event: 'key',
    name: key.name,
    key: secret,
    owner: key.owner,
    roles: key.roles,
    allow: key.networks.map(({ text }) => text),
    expires: instant(key.expires),
    ...(key.hours === undefined ? {} : { hours: key.hours }),
    used: use === null ? null : { at: new Date(use.at).toISOString(), from: use.from },
    change,
  };
}
