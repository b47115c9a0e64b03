/** `sallyport relay`: the public relay. It passes on what it cannot read. */

import { relayVerbs } from '../../controlplane/api/relay-status.ts';
import { serveControl } from '../../controlplane/api/serve.ts';
import { loadIdentity } from '../../controlplane/certificates/identity.ts';
import { readCertificateFiles } from '../../controlplane/certificates/own-files.ts';
import { readHostName, readListen } from '../../controlplane/config/forms.ts';
import { saveRelayCard } from '../../controlplane/enrolment/relay-card.ts';
import { splitAddress } from '../../controlplane/enrolment/invite-code.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { wired } from '../../registry.ts';
import { startRelay, type Relay, type RelayOptions as RelayWiring } from '../../relay.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { failureOf } from '../failure.ts';
import { keeperOfKeys } from '../relay-keys.ts';
import { gathered } from '../share-options.ts';
import { relayBlockCommand, relayBlocksCommand, relayUnblockCommand } from './relay-block.ts';
import { relayGatewaysCommand } from './relay-gateways.ts';
import { relayInviteCommand } from './relay-invite.ts';
import { relayNamesCommand } from './relay-names.ts';
import { relayRotateKeyCommand } from './relay-rotate-key.ts';

type RelayOptions = Readonly<{ listen?: readonly string[]; domain?: string; address?: string; certificate?: string; key?: string }>;

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
    ],
  })
    .option('--listen <address:port>', `where visitors and gateways come to (${listenDefault})`, gathered)
    .option('--domain <name>', 'names are granted below it; its DNS leads to this machine')
    .option('--address <host:port>', 'how gateways reach it, when that is not the domain or the listening address')
    .option('--certificate <file>', 'PEM, for the own name: gateways also come in WebSockets, which pass where only HTTPS does')
    .option('--key <file>', 'the key of that certificate; SIGHUP reads both again')
    .action((options: RelayOptions) => runRelay(cli, options));
  command.addCommand(relayInviteCommand(cli));
  for (const make of [
    relayGatewaysCommand,
    relayNamesCommand,
    relayBlockCommand,
    relayUnblockCommand,
    relayBlocksCommand,
    relayRotateKeyCommand,
  ])
    command.addCommand(make(cli));
  return command;
}

async function runRelay(cli: Cli, options: RelayOptions): Promise<void> {
  const { terminal } = cli;
  const reporter = cli.reporter();
  const domain = checkedDomain(options.domain);
  const listen = (options.listen ?? [listenDefault]).map(checkedListen);
  const home = await cli.home();
  const own = await ownDoor(options, domain);
  const identity = await loadIdentity(home.keys, 'relay');
  const store = await wired.stores.sqlite({ path: home.store, now: terminal.now });
  const closing: (() => Promise<unknown>)[] = [() => store.close()];
  try {
    const audit = await wired.sinks.file({
      path: home.exchanges,
      now: terminal.now,
      limits: defaults,
      trouble: (error) =>
        error === null ? undefined : reporter.say({ event: 'warning', code: error.code, message: error.message, hint: error.hint }),
    });
    closing.push(() => audit.close());
    const ended = Promise.withResolvers<void>();
    const release = terminal.onSignal((signal) => (signal === 'end' ? ended.resolve() : void own?.renew().catch(onFault)));
    const onFault = (error: unknown): void => {
      const { code, message, hint } = failureOf(error);
      reporter.say({ event: 'warning', code, message, hint });
    };
    const relay = await startRelay({
      identity,
      store,
      listen,
      domain,
      limits: defaults,
      audit,
      now: terminal.now,
      owner: null,
      own: own?.door,
      onFault,
    });
    own?.attach(relay);
    closing.push(() => relay.close());
    await saveRelayCard(store, { domain, address: reachableAddress(options.address, relay.addresses, domain) });
    const keepKeys = keeperOfKeys(relay, home.keys);
    await keepKeys();
    const verbs = relayVerbs(relay, { domain, since: terminal.now(), stop: ended.resolve, refreshed: keepKeys });
    const control = await serveControl(home, verbs, { onFault });
    closing.push(() => control.close());
    reporter.say({ event: 'listening', addresses: relay.addresses, fingerprint: relay.fingerprint, domain });
    reporter.note('Invite a gateway: sallyport relay invite blog');
    await ended.promise;
    release();
  } finally {
    for (const close of closing.toReversed()) await close().catch(() => undefined);
  }
}

type OwnDoor = Readonly<{ door: RelayWiring['own']; attach: (relay: Relay) => void; renew: () => Promise<void> }>;

/** The door for WebSockets, where a certificate was named. Errors: `usage-wrong`, and those of its files. */
async function ownDoor({ certificate, key, address }: RelayOptions, domain: string): Promise<OwnDoor | null> {
  if (certificate === undefined && key === undefined) return null;
  if (certificate === undefined || key === undefined)
    throw new SallyportError('usage-wrong', '--certificate and --key go together.', { hint: 'Name both files.' });
  const names = [domain, ...(address === undefined ? [] : [splitAddress(address).host])];
  let running: Relay | null = null;
  return {
    door: { names, certificate: await readCertificateFiles(certificate, key) },
    attach: (relay) => (running = relay),
    renew: async () => running?.renew(await readCertificateFiles(certificate, key)),
  };
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

/** What stands in invitations: said, or the address itself when it is one, or the domain. */
function reachableAddress(said: string | undefined, addresses: readonly string[], domain: string): string {
  if (said !== undefined) {
    splitAddress(said);
    return said;
  }
  const [first = `${domain}:443`] = addresses;
  const port = first.replace(/^.*:/, '');
  return /^(?:0\.0\.0\.0|\[::\]):/.test(first) ? `${domain}:${port}` : first;
}
