/** `sallyport tls`: shares a service that has a certificate of its own, its TLS passed on unread. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaultName, share } from '../share.ts';
import { gathered } from '../share-options.ts';
import { checkedAddress, checkedFor, checkedProxy, checkedNetworks, nameFor, shareFor } from '../share-request.ts';

type TlsOptions = Readonly<{
  name?: string;
  at?: string;
  public?: boolean;
  allow?: readonly string[];
  for: string;
  lan?: boolean;
  relay?: string;
  from?: string;
  proxyProtocol?: string;
}>;

export function tlsCommand(cli: Cli) {
  return newCommand({
    usage: 'tls <port|address>',
    summary: 'share a service with a certificate of its own',
    description:
      'Shares a service that speaks TLS with its own certificate. Its TLS is passed on unread, by the name that a visitor asks for: ' +
      'no password, link or firewall of Sallyport can stand before it, and anybody who reaches the address reaches the service.',
    examples: [
      'sallyport tls 8443 --public',
      'sallyport tls 10.0.0.7:8883 --public --at mqtt.example.org',
      'sallyport tls 8443 --lan --allow 192.168.0.0/16',
    ],
  })
    .option('--name <name>', 'what it is called, also in its address')
    .option('--at <host>', 'the public name it answers to, when it is not NAME.RELAY')
    .option('--public', 'let everyone in who reaches the address')
    .option('--allow <network>', 'only from this address or network; with --lan only', gathered)
    .option('--for <time>', 'how long it stays open: 30m, 2h, 7d, never', shareFor)
    .option('--lan', 'reachable on this network, at this machine’s own address')
    .option('--relay <host>', 'at this relay, after sallyport join')
    .option('--from <address>', 'dial the service from this address; 127.0.0.1 makes visitors look local: a risk')
    .option('--proxy-protocol <version>', 'tell the service who comes, by a PROXY header: v1 or v2')
    .action(async (target: string, options: TlsOptions) => {
      const to = checkedAddress(target, 'tls');
      const at = { lan: options.lan === true, relay: options.relay ?? null };
      const request = {
        name: options.name === undefined ? await defaultName(cli, at, nameFor(null, { to })) : nameFor(options.name, { to }),
        at: options.at === undefined ? [] : [options.at],
        access: decided(options),
        firewall: 'off' as const,
        for: checkedFor(options.for),
        to,
        dir: null,
        indexes: false,
        rewriteHost: false,
        rawHeaders: false,
        from: options.from ?? null,
        proxy: checkedProxy(options.proxyProtocol),
      };
      await share(cli, { requests: [request], passwords: new Map(), ...at });
    });
}

/** Nothing is open to everyone unless somebody said so. Errors: `usage-wrong`. */
function decided(options: TlsOptions) {
  const allow = checkedNetworks(options.allow ?? []);
  const isPublic = options.public === true;
  if (!isPublic && allow.length === 0) {
    throw new SallyportError('usage-wrong', 'Nobody can be asked for a link or a password: the TLS of this service is passed on unread.', {
      hint: 'Say --public if everyone who reaches the address may reach the service, or --lan --allow 192.168.0.0/16.',
    });
  }
  if (allow.length > 0 && options.lan !== true) {
    throw new SallyportError(
      'usage-wrong',
      'Behind a relay the address of a visitor is the relay’s word, and nothing else can be asked here.',
      {
        hint: 'Say --lan with --allow, or --public.',
      },
    );
  }
  return { isPublic, link: false, users: [], keys: [], allow, webhook: null };
}
