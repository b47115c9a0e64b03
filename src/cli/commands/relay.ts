/** `sallyport relay`: the public relay. It passes on what it cannot read. */

import { parseDuration } from '../../controlplane/config/duration.ts';
import { readHostName, readListen } from '../../controlplane/config/forms.ts';
import { splitAddress } from '../../controlplane/enrolment/invite-code.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import type { RelayPlan } from '../serve-relay.ts';
import { serveRelay } from '../serve-relay.ts';
import { gathered } from '../share-options.ts';
import { relayBlockCommand, relayBlocksCommand, relayUnblockCommand } from './relay-block.ts';
import { relayGatewaysCommand } from './relay-gateways.ts';
import { relayInviteCommand } from './relay-invite.ts';
import { relayNamesCommand } from './relay-names.ts';
import { relayRotateKeyCommand } from './relay-rotate-key.ts';
import { relayUpgradeCommand } from './relay-upgrade.ts';

type RelayOptions = Readonly<{
  listen?: readonly string[];
  domain?: string;
  address?: string;
  certificate?: string;
  key?: string;
  drain?: string;
}>;

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

const listenDefault = '0.0.0.0:443';

export function relayCommand(cli: Cli) {
  const command = newCommand({
    usage: 'relay',
    summary: 'run the public relay, invite gateways to it',
    description:
      'Runs the relay: visitors and gateways come to one port, and each visitor is passed on, unread, to the gateway that owns the name.',
    examples: [
      'sallyport relay --domain example.org',
      'sallyport relay --listen 127.0.0.1:8443 --domain example.test --json',
      'sallyport relay invite blog',
      'sallyport relay gateways list',
      'sallyport relay upgrade',
    ],
  })
    .option('--listen <address:port>', `where visitors and gateways come to (${listenDefault})`, gathered)
    .option('--domain <name>', 'names are granted below it; its DNS leads to this machine')
    .option('--address <host:port>', 'how gateways reach it, when that is not the domain or the listening address')
    .option('--certificate <file>', 'PEM, for the own name: gateways also come in WebSockets, which pass where only HTTPS does')
    .option('--key <file>', 'the key of that certificate; SIGHUP reads both again')
    .option('--drain <time>', 'how long connections may go on behind an upgrade (15m)')
    .action((options: RelayOptions) => serveRelay(cli, () => plan(options)));
  for (const make of relayCommands) command.addCommand(make(cli));
  return command;
}

/** What its words come to. Errors: `usage-wrong`, `port-malformed`. */
function plan(options: RelayOptions): RelayPlan {
  const domain = checkedDomain(options.domain);
  if (options.address !== undefined) splitAddress(options.address);
  return {
    domain,
    listen: (options.listen ?? [listenDefault]).map(checkedListen),
    address: options.address ?? null,
    drainMs: drainOf(options),
    files: filesOf(options),
  };
}

function drainOf({ drain }: RelayOptions): number {
  const ms = drain === undefined ? defaults.upgradeDrainMs : parseDuration(drain);
  if (ms !== null && ms !== 'never') return ms;
  throw new SallyportError('usage-wrong', `--drain ${JSON.stringify(drain)} is no time.`, { hint: 'For example: --drain 30m' });
}

function filesOf({ certificate, key }: RelayOptions): RelayPlan['files'] {
  if (certificate === undefined && key === undefined) return null;
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  throw new SallyportError('usage-wrong', '--certificate and --key go together.', { hint: 'Name both files.' });
}

function checkedDomain(text: string | undefined): string {
  const domain = text === undefined ? null : readHostName(text);
  if (domain !== null && domain.includes('.') && !/^[\d.[]/.test(domain)) return domain;
  throw new SallyportError('usage-wrong', text === undefined ? 'A relay needs a domain.' : `${JSON.stringify(text)} is no domain.`, {
    hint: 'For example: sallyport relay --domain example.org',
  });
}

function checkedListen(text: string): Readonly<{ host: string; port: number }> {
  const listen = readListen(`https://${text}`);
  if (listen !== null && /:\d+$/.test(text)) return { host: listen.host, port: listen.port };
  throw new SallyportError('port-malformed', `--listen ${JSON.stringify(text)} is no address with a port.`, {
    hint: 'For example: --listen 0.0.0.0:443',
  });
}
