/** `sallyport relay block`, `unblock`, `blocks`: who and what is shut out, and why. */

import { addBlock, listBlocks, readBlocked, removeBlock } from '../../controlplane/enrolment/blocks.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { instant } from '../event.ts';
import { atDesk, tellRelay } from '../relay-desk.ts';

export function relayBlockCommand(cli: Cli) {
  return newCommand({
    usage: 'block <what>',
    summary: 'shut out a name, an address or a gateway, at once',
    description:
      'Shuts out a name (nobody holds or gets it), an address or network (refused before anything is read) or a gateway by its key. What runs has ended when the command returns. The reason is told to the owner.',
    examples: [
      'sallyport relay block blog --why "phishing, reported on 12 May"',
      'sallyport relay block 192.0.2.0/24 --why "floods"',
      'sallyport relay block FINGERPRINT --why "stolen machine"',
    ],
  })
    .requiredOption('--why <text>', 'the reason, one line of 200 characters at most; its owner reads it')
    .action((text: string, { why }: Readonly<{ why: string }>) =>
      atDesk(cli, async ({ store, domain, now }) => {
        const blocked = readBlocked(text, domain);
        await addBlock(store, { ...blocked, why, since: now });
        await tellRelay(cli);
        cli.reporter().say({ event: 'block', ...blocked, why: why.trim(), since: instant(now), change: 'added' });
      }),
    );
}

export function relayUnblockCommand(cli: Cli) {
  return newCommand({
    usage: 'unblock <what>',
    summary: 'end a block',
    examples: ['sallyport relay unblock blog'],
  }).action((text: string) =>
    atDesk(cli, async ({ store, domain }) => {
      const blocked = readBlocked(text, domain);
      if (!(await removeBlock(store, blocked)))
        throw new SallyportError('gateway-missing', `${blocked.what} is not blocked.`, { hint: 'See what is: sallyport relay blocks' });
      await tellRelay(cli);
      cli.reporter().say({ event: 'block', ...blocked, why: null, since: null, change: 'removed' });
    }),
  );
}

export function relayBlocksCommand(cli: Cli) {
  return newCommand({
    usage: 'blocks',
    summary: 'what is blocked, since when, and why',
    examples: ['sallyport relay blocks --json'],
  }).action(() =>
    atDesk(cli, async ({ store }) => {
      const reporter = cli.reporter();
      const blocks = await listBlocks(store);
      if (blocks.length === 0) reporter.note('Nothing is blocked.');
      for (const { kind, what, why, since } of blocks)
        reporter.say({ event: 'block', kind, what, why, since: instant(since), change: null });
    }),
  );
}
