/** `sallyport close`: switches a service off: unreachable at once. */

import { callControlOrFail } from '../../controlplane/api/call.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function closeCommand(cli: Cli) {
  return newCommand({
    usage: 'close <service>',
    summary: 'switch a service off: unreachable at once',
    description: 'Nobody gets in any more, and what runs is cut. The process stays; `sallyport open` switches it on again.',
    examples: ['sallyport close blog'],
  }).action(async (service: string) => {
    await callControlOrFail(await cli.home(), 'close', { service });
    cli.reporter().say({ event: 'closed', service, why: 'switched' });
  });
}
