/** `sallyport relay gateways`: which keys own names at this relay, and which of them are here. */

import { keysOf, listNames, revokeGateway } from '../../controlplane/enrolment/names.ts';
import { listOwnNames, releaseOwnNames } from '../../controlplane/enrolment/own-names.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { atDesk, gatewayEvent, nameEvent, ownNameEvent, sceneOf, tellRelay } from '../relay-desk.ts';

export function relayGatewaysCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'gateways',
      summary: 'which keys own names at this relay, and which are here',
      examples: [
        'sallyport relay gateways list',
        'sallyport relay gateways show FINGERPRINT',
        'sallyport relay gateways revoke FINGERPRINT',
      ],
    },
    [list(cli), show(cli), revoke(cli)],
  );
}

function list(cli: Cli) {
  return newCommand({
    usage: 'list',
    summary: 'the key of each gateway, its names, and whether it is here',
    examples: ['sallyport relay gateways list --json'],
  }).action(() =>
    atDesk(
      cli,
      async ({ store }) => {
        const reporter = cli.reporter();
        const owned = await listNames(store);
        const scene = await sceneOf(cli, store);
        const keys = new Set(owned.flatMap(({ grant }) => (grant === null || grant.released !== null ? [] : keysOf(grant))));
        if (keys.size === 0) reporter.note('No gateway has joined yet: sallyport relay invite blog');
        for (const fingerprint of keys) reporter.say(gatewayEvent(fingerprint, owned, scene));
      },
      'or-none',
    ),
  );
}

function show(cli: Cli) {
  return newCommand({
    usage: 'show <fingerprint>',
    summary: 'one gateway, and each of its names with its bounds',
    description: 'Shows one gateway. The first digits of its key are enough where no other begins with them.',
    examples: ['sallyport relay gateways show 5d3c9a'],
  }).action((text: string) =>
    atDesk(
      cli,
      async ({ store, domain }) => {
        const owned = await listNames(store);
        const fingerprint = meant(
          text,
          owned.flatMap(({ grant }) => (grant === null ? [] : keysOf(grant))),
        );
        const scene = await sceneOf(cli, store);
        const reporter = cli.reporter();
        reporter.say(gatewayEvent(fingerprint, owned, scene));
        for (const each of owned)
          if (each.grant !== null && keysOf(each.grant).includes(fingerprint)) reporter.say(nameEvent(each, domain, scene));
        for (const each of await listOwnNames(store)) if (each.own.owner === fingerprint) reporter.say(ownNameEvent(each, scene));
      },
      'or-none',
    ),
  );
}

function revoke(cli: Cli) {
  return newCommand({
    usage: 'revoke <fingerprint>',
    summary: 'take all names from a gateway, and cut it off at once',
    description:
      'Takes all names from a gateway. Its carriers and all streams on them have ended when the command returns. Its names go to no other key for 90 days; one that others share stays theirs. To keep the key out for good: sallyport relay block.',
    examples: ['sallyport relay gateways revoke 5d3c9a'],
  }).action((text: string) =>
    atDesk(
      cli,
      async ({ store, now }) => {
        const owned = await listNames(store);
        const fingerprint = meant(
          text,
          owned.flatMap(({ grant }) => (grant === null || grant.released !== null ? [] : keysOf(grant))),
        );
        await revokeGateway(store, fingerprint, now);
        await releaseOwnNames(store, fingerprint, now);
        await tellRelay(cli);
        cli.reporter().say(gatewayEvent(fingerprint, await listNames(store), await sceneOf(cli, store)));
      },
      'or-none',
    ),
  );
}

/** Errors: `gateway-missing`; `usage-wrong` where several keys begin so. */
function meant(text: string, owners: readonly string[]): string {
  const start = text.toLowerCase();
  const found = [...new Set(owners.filter((owner) => start !== '' && owner.startsWith(start)))];
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length > 1) throw new SallyportError('usage-wrong', 'Several keys begin with these digits.', { hint: 'Write more of them.' });
  throw new SallyportError('gateway-missing', 'No gateway with that key owns a name here.', {
    hint: 'See who does: sallyport relay gateways list',
  });
}
