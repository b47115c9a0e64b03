/** `sallyport relay names`: who owns which name, and how it gets to somebody else. */

import { listNames, readName, releaseName, transferName } from '../../controlplane/enrolment/names.ts';
import { listOwnNames, mayBeOwn, releaseOwnName } from '../../controlplane/enrolment/own-names.ts';
import { isLabel } from '../../controlplane/enrolment/name-pattern.ts';
import type { Store } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { atDesk, labelIn, nameEvent, ownNameEvent, sceneOf, tellRelay } from '../relay-desk.ts';

type NowOption = Readonly<{ now?: boolean }>;

export function relayNamesCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'names',
      summary: 'who owns which name at this relay',
      examples: ['sallyport relay names list', 'sallyport relay names transfer blog FINGERPRINT', 'sallyport relay names release blog'],
    },
    [list(cli), transfer(cli), release(cli)],
  );
}

function list(cli: Cli) {
  return newCommand({
    usage: 'list',
    summary: 'each name, its key, since when, and whether it is held now',
    examples: ['sallyport relay names list --json'],
  }).action(() =>
    atDesk(
      cli,
      async ({ store, domain }) => {
        const reporter = cli.reporter();
        const owned = await listNames(store);
        const scene = await sceneOf(cli, store);
        const own = await listOwnNames(store);
        if (owned.length + own.length === 0) reporter.note('No name is owned yet: sallyport relay invite blog');
        for (const each of owned) reporter.say(nameEvent(each, domain, scene));
        for (const each of own) reporter.say(ownNameEvent(each, scene));
      },
      'or-none',
    ),
  );
}

function transfer(cli: Cli) {
  return newCommand({
    usage: 'transfer <name> <fingerprint>',
    summary: 'give a name, with its bounds, to another key',
    description: 'Gives a name to another key at once. Streams of the old owner have ended when the command returns.',
    examples: ['sallyport relay names transfer blog FINGERPRINT'],
  })
    .option('--now', 'also when the name was released less than 90 days ago')
    .action((text: string, fingerprint: string, options: NowOption) =>
      atDesk(cli, async ({ store, domain, now }) => {
        const label = checked(labelIn(text, domain));
        await transferName(store, label, { fingerprint: fingerprint.toLowerCase(), now, anyKey: options.now === true });
        await tellRelay(cli);
        const owned = await readName(store, label);
        if (owned !== null) cli.reporter().say(nameEvent(owned, domain, await sceneOf(cli, store), 'transferred'));
      }),
    );
}

function release(cli: Cli) {
  return newCommand({
    usage: 'release <name>',
    summary: 'take a name from its owner; no other key gets it for 90 days',
    description:
      'Takes a name from its owner; its streams end at once. Links, bookmarks and DNS records of others still lead to the name: for 90 days it goes to no other key.',
    examples: [
      'sallyport relay names release blog',
      'sallyport relay names release blog --now',
      'sallyport relay names release blog.example.net --now',
    ],
  })
    .option('--now', 'any key may have it at once')
    .action((text: string, options: NowOption) =>
      atDesk(cli, async ({ store, domain, now }) => {
        const outside = text.toLowerCase().replace(/^\*\./, '');
        if (mayBeOwn(outside, domain)) return releaseOwn(cli, { store, now, name: outside, anyKey: options.now === true });
        const label = checked(labelIn(text, domain));
        await releaseName(store, label, { now, anyKey: options.now === true });
        await tellRelay(cli);
        const owned = (await readName(store, label)) ?? { name: label, grant: null };
        cli.reporter().say(nameEvent(owned, domain, await sceneOf(cli, store), 'released'));
      }),
    );
}

async function releaseOwn(
  cli: Cli,
  { store, now, name, anyKey }: Readonly<{ store: Store; now: number; name: string; anyKey: boolean }>,
): Promise<void> {
  await releaseOwnName(store, name, { now, anyKey });
  await tellRelay(cli);
  const own = (await listOwnNames(store)).find((each) => each.name === name) ?? { name, own: null };
  cli.reporter().say(ownNameEvent(own, await sceneOf(cli, store), 'released'));
}

function checked(label: string): string {
  if (isLabel(label)) return label;
  throw new SallyportError('name-malformed', 'A name is one label of letters, digits and hyphens.', { hint: 'For example: blog' });
}
