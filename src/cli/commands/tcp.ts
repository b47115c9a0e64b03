/** `sallyport tcp`: shares a TCP service behind TLS and the guards. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { defaultName, share } from '../share.ts';
import { requestFrom, withShareOptions } from '../share-options.ts';
import type { ShareOptions } from '../share-options.ts';
import { checkedRelayPort, rawPortAccess } from '../raw-port.ts';
import { checkedAddress, checkedProxy, nameFor } from '../share-request.ts';

type TcpOptions = ShareOptions & Readonly<{ from?: string; proxyProtocol?: string; port?: string }>;

export function tcpCommand(cli: Cli) {
  return withShareOptions(
    newCommand({
      usage: 'tcp <port|address>',
      summary: 'share a TCP service: ssh, a database',
      description:
        'Shares a TCP service behind TLS. Only who has the secret link gets in, unless a flag says otherwise. Visitors reach it with `sallyport connect NAME`. ' +
        'With --port it stands at a port of the relay instead, for any program: then the relay can read what passes unless the service ' +
        'encrypts it itself (ssh does), and nobody can be asked for a link or a password.',
      examples: [
        'sallyport tcp 22 --name ssh',
        'sallyport tcp 5432 --password ana --for 2h',
        'sallyport tcp 10.0.0.7:3389 --name desk --lan',
        'sallyport tcp 22 --port 2222 --public',
      ],
    }),
    { web: false },
  )
    .option('--from <address>', 'dial the service from this address; 127.0.0.1 makes visitors look local: a risk')
    .option('--proxy-protocol <version>', 'tell the service who comes, by a PROXY header: v1 or v2')
    .option('--port <port>', 'a port of the relay that leads to it, as it was granted (relay invite --ports): raw bytes')
    .action(async (target: string, options: TcpOptions) => {
      const to = checkedAddress(target, 'tcp');
      const at = { lan: options.lan === true, relay: options.relay ?? null };
      const raw = options.port === undefined ? {} : { port: checkedRelayPort(options.port), access: rawPortAccess(options, 'tcp') };
      const request = {
        ...requestFrom({ ...options, firewall: false }, undefined),
        ...raw,
        name: options.name === undefined ? await defaultName(cli, at, nameFor(null, { to })) : nameFor(options.name, { to }),
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
