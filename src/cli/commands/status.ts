/** `sallyport status`: what is open, of all processes of the home. */

import { callControl } from '../../controlplane/api/call.ts';
import { readRelayStatus } from '../../controlplane/api/relay-status.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { readStatus } from '../running.ts';

export function statusCommand(cli: Cli) {
  return newCommand({
    usage: 'status',
    summary: 'what is open, for whom, and until when',
    description: 'Asks every process of this state directory what it has open.',
    examples: ['sallyport status', 'sallyport status --json'],
  }).action(async () => {
    const reporter = cli.reporter();
    const answers = await callControl(await cli.home(), 'status', {});
    if (answers.length === 0) reporter.note('Nothing is open.');
    for (const answer of answers) {
      const relay = answer.is === 'answer' ? readRelayStatus(answer.answer) : null;
      if (answer.is === 'error') reporter.say({ event: 'warning', code: answer.code, message: answer.message, hint: answer.hint });
      else if (relay !== null) reporter.say({ event: 'relay', pid: relay.pid, since: relay.since, ...relay.relay });
      else reporter.say({ event: 'status', ...readStatus(answer.answer, answer.pid) });
    }
  });
}
