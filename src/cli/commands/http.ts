/** `sallyport 3000`: shares a web service. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { defaultName, share } from '../share.ts';
import { requestFrom, withShareOptions } from '../share-options.ts';
import type { ShareOptions } from '../share-options.ts';
import { checkedProxy, checkedTarget, nameFor } from '../share-request.ts';

type HttpOptions = ShareOptions &
  Readonly<{ webhook?: string; rewritehost?: string | true; rawheaders?: boolean; from?: string; proxyProtocol?: string }>;

export function httpCommand(cli: Cli) {
  return withShareOptions(
    newCommand({
      usage: 'http <port|url>',
      summary: 'share a web service',
      description:
        'Shares a web service. Only who has the secret link gets in, unless a flag says otherwise. `sallyport 3000` is short for `sallyport http 3000`.',
      examples: [
        'sallyport 3000',
        'sallyport http 3000 --password ana --for 2h',
        'sallyport http http://127.0.0.1:8080 --name demo --allow 192.0.2.0/24',
        'sallyport http 3000 --webhook /hooks/build=github',
        'sallyport http 3000 --lan',
      ],
    }),
  )
    .option(
      '--webhook <path[=kind]>',
      'open one path for POST, signed (github, stripe, hmac) or with a secret in the path; the rest stays closed',
    )
    .option('--rewritehost [name]', 'say the service’s own address (or this name) in Host')
    .option('--rawheaders', 'write no X-Forwarded-*, Forwarded and Via')
    .option('--from <address>', 'dial the service from this address; 127.0.0.1 makes visitors look local: a risk')
    .option('--proxy-protocol <version>', 'tell the service who comes, by a PROXY header: v1 or v2')
    .action(async (target: string, options: HttpOptions) => {
      const to = checkedTarget(target);
      const at = { lan: options.lan === true, relay: options.relay ?? null };
      const request = {
        ...requestFrom(options, options.webhook),
        name: options.name === undefined ? await defaultName(cli, at, nameFor(null, { to })) : nameFor(options.name, { to }),
        to,
        dir: null,
        indexes: false,
        rewriteHost: options.rewritehost ?? false,
        rawHeaders: options.rawheaders === true,
        from: options.from ?? null,
        proxy: checkedProxy(options.proxyProtocol),
      };
      await share(cli, { requests: [request], passwords: new Map(), ...at });
    });
}
