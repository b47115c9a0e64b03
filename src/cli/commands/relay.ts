/** `sallyport relay`: the public relay. It passes on what it cannot read. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import type { RelayWords } from '../relay-plan.ts';
import { planRelay, relayListenDefault } from '../relay-plan.ts';
import { serveRelay } from '../serve-relay.ts';
import { gathered } from '../share-options.ts';
import { relayBlockCommand, relayBlocksCommand, relayUnblockCommand } from './relay-block.ts';
import { relayGatewaysCommand } from './relay-gateways.ts';
import { relayInviteCommand } from './relay-invite.ts';
import { relayNamesCommand } from './relay-names.ts';
import { relayRotateKeyCommand } from './relay-rotate-key.ts';
import { relayUpgradeCommand } from './relay-upgrade.ts';

const relayCommands = [
  relayInviteCommand,
  relayGatewaysCommand,
  relayNamesCommand,
  relayBlockCommand,
  relayUnblockCommand,
  relayBlocksCommand,
  relayRotateKeyCommand,
  relayUpgradeCommand,
];

export function relayCommand(cli: Cli) {
  const command = newCommand({
    usage: 'relay',
    summary: 'run the public relay, invite gateways to it',
    description:
      'Runs the relay: visitors and gateways come to one port, and each visitor is passed on, unread, to the gateway that owns the name.',
    examples: [
      'sallyport relay --domain example.org',
      'sallyport relay --domain example.org --http 0.0.0.0:80',
      'sallyport relay --listen 127.0.0.1:8443 --domain example.test --json',
      'sallyport relay --config relay.yaml',
      'sallyport relay invite blog',
      'sallyport relay gateways list',
      'sallyport relay upgrade',
    ],
  })
    .option('--config <file>', 'its file: what the options here say, and limits (docs/guides/relay.md)')
    .option('--listen <address:port>', `where visitors and gateways come to (${relayListenDefault})`, gathered)
    .option('--http <address:port>', 'plain HTTP as well, to send visitors to HTTPS: 0.0.0.0:80', gathered)
    .option('--domain <name>', 'names are granted below it; its DNS leads to this machine')
    .option('--address <host:port>', 'how gateways reach it, when that is not the domain or the listening address')
    .option('--certificate <file>', 'PEM, for the own name: gateways also come in WebSockets, which pass where only HTTPS does')
    .option('--key <file>', 'the key of that certificate; SIGHUP reads both again')
    .option('--own-domains <count>', 'gateways may have so many names outside of the domain each, proved by a TXT record (none)')
    .option('--resolver <address>', 'a name server that is asked for these proofs, instead of the system’s', gathered)
    .option('--user <name>', 'started as root: whom to become once the ports are bound')
    .option('--drain <time>', 'how long connections may go on behind an upgrade (15m)')
    .action((words: RelayWords) => serveRelay(cli, () => planRelay(words, cli.terminal.cwd())));
  for (const make of relayCommands) command.addCommand(make(cli));
  return command;
}
