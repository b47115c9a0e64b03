/** `sallyport restore`: a home as a backup has it. */

import { restoreBackup } from '../../controlplane/backup/restore-backup.ts';
import { wired } from '../../registry.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function restoreCommand(cli: Cli) {
  return newCommand({
    usage: 'restore <file>',
    summary: 'put a backup into an empty state directory',
    description:
      'Puts keys and store of a backup into the state directory, all of it or nothing. It must be empty, or --force be said: what was there is then put aside in it, not deleted. Never while something runs with it.',
    examples: ['sallyport restore sallyport-2027-01-31.tar', 'sallyport restore --force sallyport-2027-01-31.tar'],
  })
    .option('--force', 'put aside what is there')
    .action(async (file: string, options: Readonly<{ force?: boolean }>) => {
      const home = await cli.home();
      const { now } = cli.terminal;
      const checkStore = async (path: string): Promise<void> => (await wired.stores.sqlite({ path, now })).close();
      const facts = await restoreBackup(home, { source: file, force: options.force === true, checkStore, now: now() });
      cli
        .reporter()
        .say({ event: 'backup', change: 'restored', path: file, files: facts.files, made: facts.made, replaced: facts.replaced });
    });
}
