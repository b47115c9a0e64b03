/** `sallyport up`: everything in sallyport.yaml. */

import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { configName } from '../file-text.ts';
import { serveConfig } from '../serve-config.ts';
import type { ServeOptions } from '../serve-config.ts';

export function upCommand(cli: Cli) {
  return newCommand({
    usage: 'up',
    summary: 'run everything in sallyport.yaml',
    description:
      'Runs everything in the configuration, and reads it again when it changes or on SIGHUP: the whole of it, or the old one stays.',
    examples: ['sallyport up', 'sallyport up --config /etc/sallyport.yaml --json'],
  })
    .option('--config <file>', 'the configuration', configName)
    .option('--user <name>', 'started as root: whom to become once the ports are bound (user: in the file)')
    .action((options: ServeOptions) => serveConfig(cli, options, false));
}
