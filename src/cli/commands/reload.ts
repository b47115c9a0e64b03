/** `sallyport reload`: what runs reads its file again. */

import { callControlOrFail } from '../../controlplane/api/call.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function reloadCommand(cli: Cli) {
  return newCommand({
    usage: 'reload',
    summary: 'read the configuration again: the whole of it, or nothing',
    description:
      'Asks what runs with this state directory, and waits until the new configuration is in force. With a mistake in it the old one stays, and the mistake is said here. SIGHUP does the same without an answer.',
    examples: ['sallyport reload', 'sudo -u sallyport SALLYPORT_HOME=/var/lib/sallyport sallyport reload'],
  }).action(async () => {
    for (const { pid } of await callControlOrFail(await cli.home(), 'reload', {}))
      cli.reporter().say({ event: 'process', pid, change: 'reloaded' });
  });
}
