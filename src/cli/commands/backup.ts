/** `sallyport backup`: keys and store of this home in one file. */

import { writeBackup } from '../../controlplane/backup/write-backup.ts';
import { copySqliteStore } from '../../modules/stores/sqlite-copy.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function backupCommand(cli: Cli) {
  return newCommand({
    usage: 'backup <file>',
    summary: 'keys and store of a relay or a gateway, in one file',
    description:
      'Writes keys, the local CA and the store to one file (a tar), as they are at one moment, while everything runs. Whoever has the file is this relay or gateway: it is written for you alone (0600), over nothing, and belongs in a safe place.',
    examples: ['sallyport backup sallyport-2027-01-31.tar', 'sallyport restore sallyport-2027-01-31.tar'],
  }).action(async (file: string) => {
    const facts = await writeBackup(await cli.home(), { target: file, copyStore: copySqliteStore, now: cli.terminal.now() });
    cli.reporter().say({ event: 'backup', change: 'written', path: facts.path, files: facts.files, bytes: facts.bytes });
  });
}
