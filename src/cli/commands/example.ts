/** `sallyport example`: shares the small blog that comes with Sallyport. */

import { join } from 'node:path';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { startExample } from '../example.ts';
import { share } from '../share.ts';
import { requestFrom, withShareOptions } from '../share-options.ts';
import type { ShareOptions } from '../share-options.ts';
import { nameFor } from '../share-request.ts';

export function exampleCommand(cli: Cli) {
  return withShareOptions(
    newCommand({
      usage: 'example',
      summary: 'share the small blog that comes with Sallyport',
      description:
        'Starts a small blog that listens on this machine only and has no password of its own, and shares it: to try Sallyport without anything of your own.',
      examples: ['sallyport example', 'sallyport example --password ana'],
    }),
  ).action(async (options: ShareOptions) => {
    const blog = await startExample(join((await cli.home()).path, 'example'));
    try {
      const request = {
        ...requestFrom(options, undefined),
        name: nameFor(options.name ?? 'blog', { to: '80' }),
        to: `127.0.0.1:${blog.port}`,
        dir: null,
        indexes: false,
        rewriteHost: false,
        rawHeaders: false,
        from: null,
        proxy: null,
      };
      await share(cli, { requests: [request], passwords: new Map(), lan: options.lan === true, relay: options.relay ?? null });
    } finally {
      await blog.close();
    }
  });
}
