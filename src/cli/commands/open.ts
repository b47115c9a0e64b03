/** `sallyport open`: switches a service on again. */

import { callControlOrFail } from '../../controlplane/api/call.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function openCommand(cli: Cli) {
  return newCommand({ usage: 'open <service>', summary: 'switch a service on again', examples: ['sallyport open blog'] }).action(
    async (service: string) => {
      await callControlOrFail(await cli.home(), 'open', { service });
      cli.reporter().say({ event: 'opened', service });
    },
  );
}
