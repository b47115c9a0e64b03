/** `sallyport relay upgrade`: the running relay hands over to the code that is on the disk now. */

import { z } from 'zod';
import { callControlOrFail } from '../../controlplane/api/call.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

const answered = z.object({ pid: z.number() });

export function relayUpgradeCommand(cli: Cli) {
  return newCommand({
    usage: 'upgrade',
    summary: 'let the running relay hand over to the code that is on the disk now',
    description:
      'Starts a new relay beside the running one. When it listens the old one takes nobody any more and lets what runs end; nobody is refused. If the new one does not start, nothing has happened.',
    examples: ['sallyport relay upgrade', 'sallyport relay upgrade --json'],
  }).action(async () => {
    for (const { answer } of await callControlOrFail(await cli.home(), 'upgrade', {}))
      cli.reporter().say({ event: 'upgraded', pid: answered.parse(answer).pid });
  });
}
