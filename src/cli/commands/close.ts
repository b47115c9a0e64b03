/** `sallyport close`: switches a service off: unreachable at once, or answered by a text while it is worked on. */

import { callControlOrFail } from '../../controlplane/api/call.ts';
import { pauseText } from '../../controlplane/config/web-schema.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function closeCommand(cli: Cli) {
  return newCommand({
    usage: 'close <service>',
    summary: 'switch a service off: unreachable at once',
    description:
      'Nobody gets in any more, and what runs is cut. With --maintenance, whoever is let in is told so (503) instead, and what runs may end. The process stays; `sallyport open` switches it on again.',
    examples: ['sallyport close blog', "sallyport close blog --maintenance 'Back at noon.'"],
  })
    .option('--maintenance [text]', 'answer 503 with this text, instead of closing the address')
    .action(async (service: string, options: Readonly<{ maintenance?: string | boolean }>) => {
      const { maintenance } = options;
      const pause = maintenance === true || maintenance === '' ? pauseText : typeof maintenance === 'string' ? maintenance : null;
      await callControlOrFail(await cli.home(), 'close', { service, ...(pause === null ? {} : { maintenance: pause }) });
      cli.reporter().say({ event: 'closed', service, why: pause === null ? 'switched' : 'maintenance' });
    });
}
