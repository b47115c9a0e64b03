/** `sallyport gateway`: guards local services on this machine's own address, without a relay. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { configName } from '../file-text.ts';
import { serveConfig } from '../serve-config.ts';
import type { ServeOptions } from '../serve-config.ts';

export function gatewayCommand(cli: Cli) {
  return newCommand({
    usage: 'gateway',
    summary: 'guard services on this machine’s own address, without a relay',
    description: 'Listens at the addresses under listen: in the configuration, and passes on who may come in. No relay is used.',
    examples: ['sallyport gateway', 'sallyport gateway --config shop.yaml'],
  })
    .option('--config <file>', 'the configuration', configName)
    .option('--user <name>', 'started as root: whom to become once the ports are bound (user: in the file)')
    .action((options: ServeOptions) => serveConfig(cli, options, true));
}
