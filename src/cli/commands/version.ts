/** `sallyport version`: which Sallyport, on which Node. */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function versionCommand(cli: Cli) {
  return newCommand({ usage: 'version', summary: 'which Sallyport, on which Node', examples: ['sallyport version --json'] }).action(() => {
    cli.reporter().say({ event: 'version', version: ownVersion(), node: process.versions.node });
  });
}

/** As package.json says. */
function ownVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
