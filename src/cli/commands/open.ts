/** `sallyport open`: switches a service on again. */

import { callControlOrFail } from '../../controlplane/api/call.ts';
import type { Cli, CommonOptions } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function openCommand(cli: Cli) {
  return newCommand({ usage: 'open <service>', summary: 'switch a service on again', examples: ['sallyport open blog'] }).action(
    async (service: string, options: CommonOptions) => {
      await callControlOrFail(await cli.home(), 'open', { service });
      cli.reporter(options).say({ event: 'opened', service });
    },
  );
}
