/** `sallyport udp`: shares a UDP service at a port of the relay's own. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { checkedRelayPort, rawPortAccess } from '../raw-port.ts';
import { share } from '../share.ts';
import { gathered } from '../share-options.ts';
import { checkedAddress, checkedFor, nameFor, shareFor } from '../share-request.ts';

type UdpOptions = Readonly<{
  port: string;
  name?: string;
  public?: boolean;
  allow?: readonly string[];
  for: string;
  relay?: string;
  from?: string;
}>;

export function udpCommand(cli: Cli) {
  return newCommand({
    usage: 'udp <port|address>',
    summary: 'share a UDP service: DNS, a game',
    description:
      'Shares a UDP service at a port of the relay. Its datagrams are passed on as they come: the relay can read them unless the service ' +
      'encrypts them itself, and nobody can be asked for a password or a link.',
    examples: [
      'sallyport udp 53 --port 5353 --public',
      'sallyport udp 51820 --port 51820 --public --name wireguard',
      'sallyport udp 10.0.0.7:27015 --port 27015 --allow 192.0.2.0/24',
    ],
  })
    .requiredOption('--port <port>', 'the port of the relay, as it was granted (relay invite --ports)')
    .option('--name <name>', 'what it is called here')
    .option('--public', 'let everyone in who reaches the port')
    .option('--allow <network>', 'only from this address or network; behind a relay an address is the relay’s word', gathered)
    .option('--for <time>', 'how long it stays open: 30m, 2h, 7d, never', shareFor)
    .option('--relay <host>', 'at this relay, after sallyport join')
    .option('--from <address>', 'send to the service from this address; 127.0.0.1 makes visitors look local: a risk')
    .action(async (target: string, options: UdpOptions) => {
      const to = checkedAddress(target, 'udp');
      const request = {
        name: nameFor(options.name ?? null, { to }),
        at: [],
        access: rawPortAccess(options, 'udp'),
        firewall: 'off' as const,
        for: checkedFor(options.for),
        to,
        dir: null,
        indexes: false,
        rewriteHost: false,
        rawHeaders: false,
        from: options.from ?? null,
        proxy: null,
        port: checkedRelayPort(options.port),
      };
      await share(cli, { requests: [request], passwords: new Map(), lan: false, relay: options.relay ?? null });
    });
}
