/** `sallyport stop`: what runs with this state directory ends. */

import { setTimeout as wait } from 'node:timers/promises';
import { callControlOrFail } from '../../controlplane/api/call.ts';
import { placesOf } from '../../controlplane/api/socket-path.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

/** Between two looks. */
const lookMs = 50;
/** What runs may end in a relay for `drainMs`, which its file can make longer. */
const patienceMs = 60_000;

export function stopCommand(cli: Cli) {
  return newCommand({
    usage: 'stop',
    summary: 'end what runs, and wait until it has ended',
    description: 'As SIGTERM does: nobody new is taken, what runs may end for a moment, and then the process goes.',
    examples: ['sallyport stop', 'sallyport stop --json'],
  }).action(async () => {
    const home = await cli.home();
    const asked = (await callControlOrFail(home, 'stop', {})).map(({ pid }) => pid);
    const until = performance.now() + patienceMs;
    for (let left = asked; left.length > 0;) {
      const there = new Set((await placesOf(home)).map(({ pid }) => pid));
      for (const pid of left.filter((each) => !there.has(each))) cli.reporter().say({ event: 'process', pid, change: 'stopped' });
      left = left.filter((each) => there.has(each));
      if (left.length > 0 && performance.now() > until)
        throw new SallyportError('process-missing', `The process ${left[0] ?? 0} has not ended yet.`, {
          hint: 'Say it once more, or end it with kill.',
        });
      if (left.length > 0) await wait(lookMs);
    }
  });
}
