/** `sallyport relay gateways`: who owns which name at this relay. */

import { listNames, revokeGateway } from '../../controlplane/enrolment/names.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { withPeople } from '../people.ts';

export function relayGatewaysCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'gateways',
      summary: 'who owns which name at this relay',
      examples: ['sallyport relay gateways list', 'sallyport relay gateways revoke FINGERPRINT'],
    },
    [list(cli), revoke(cli)],
  );
}

function list(cli: Cli) {
  return newCommand({
    usage: 'list',
    summary: 'the key of each gateway and its names',
    examples: ['sallyport relay gateways list --json'],
  }).action(() =>
    withPeople(cli, async ({ store }) => {
      const reporter = cli.reporter();
      const byOwner = Map.groupBy(await listNames(store), ({ owner }) => owner);
      if (byOwner.size === 0) reporter.note('No gateway has joined yet: sallyport relay invite blog');
      for (const [fingerprint, owned] of byOwner) reporter.say({ event: 'gateway', fingerprint, names: owned.map(({ name }) => name) });
    }),
  );
}

function revoke(cli: Cli) {
  return newCommand({
    usage: 'revoke <fingerprint>',
    summary: 'take all names from a gateway, and cut it off',
    examples: ['sallyport relay gateways revoke 5d3c…'],
  }).action((fingerprint: string) =>
    withPeople(cli, async ({ store }) => {
      const names = await revokeGateway(store, fingerprint.toLowerCase());
      if (names.length === 0)
        throw new SallyportError('gateway-missing', 'No gateway with that key owns a name here.', {
          hint: 'See who does: sallyport relay gateways list',
        });
      cli.reporter().say({ event: 'gateway', fingerprint: fingerprint.toLowerCase(), names: [] });
    }),
  );
}
