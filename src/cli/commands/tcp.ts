/** `sallyport tcp`: shares a TCP service behind TLS and the guards. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { defaultName, share } from '../share.ts';
import { requestFrom, withShareOptions } from '../share-options.ts';
import type { ShareOptions } from '../share-options.ts';
import { checkedAddress, checkedProxy, nameFor } from '../share-request.ts';

type TcpOptions = ShareOptions & Readonly<{ from?: string; proxyProtocol?: string }>;

export function tcpCommand(cli: Cli) {
  return withShareOptions(
    newCommand({
      usage: 'tcp <port|address>',
      summary: 'share a TCP service: ssh, a database',
      description:
        'Shares a TCP service behind TLS. Only who has the secret link gets in, unless a flag says otherwise. Visitors reach it with `sallyport connect NAME`.',
      examples: [
        'sallyport tcp 22 --name ssh',
        'sallyport tcp 5432 --password ana --for 2h',
        'sallyport tcp 10.0.0.7:3389 --name desk --lan',
      ],
    }),
    { web: false },
  )
    .option('--from <address>', 'dial the service from this address; 127.0.0.1 makes visitors look local: a risk')
    .option('--proxy-protocol <version>', 'tell the service who comes, by a PROXY header: v1 or v2')
    .action(async (target: string, options: TcpOptions) => {
      const to = checkedAddress(target, 'tcp');
      const at = { lan: options.lan === true, relay: options.relay ?? null };
      const request = {
        ...requestFrom({ ...options, firewall: false }, undefined),
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
