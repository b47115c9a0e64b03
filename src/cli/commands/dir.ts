/** `sallyport dir`: shares a folder of files, read only. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { defaultName, share } from '../share.ts';
import { requestFrom, withShareOptions } from '../share-options.ts';
import type { ShareOptions } from '../share-options.ts';
import { checkedFolder, nameFor } from '../share-request.ts';

type DirOptions = ShareOptions & Readonly<{ indexes?: boolean }>;

export function dirCommand(cli: Cli) {
  return withShareOptions(
    newCommand({
      usage: 'dir <folder>',
      summary: 'share a folder',
      description: 'Shares a folder, read only. Hidden files and links that lead out of it are never served.',
      examples: ['sallyport dir ./site', 'sallyport dir ~/photos --indexes --password ana', 'sallyport dir . --name handout --for 30m'],
    }),
  )
    .option('--indexes', 'list folders that have no index.html')
    .action(async (folder: string, options: DirOptions) => {
      const dir = checkedFolder(folder, cli.terminal.cwd());
      const at = { lan: options.lan === true, relay: options.relay ?? null };
      const request = {
        ...requestFrom(options, undefined),
        name: options.name === undefined ? await defaultName(cli, at, nameFor(null, { dir })) : nameFor(options.name, { dir }),
        to: null,
        dir,
        indexes: options.indexes === true,
        rewriteHost: false,
        rawHeaders: false,
        from: null,
        proxy: null,
      };
      await share(cli, { requests: [request], passwords: new Map(), ...at });
    });
}
