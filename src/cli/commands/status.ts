/** `sallyport status`: what is open, of all processes of the home. */

import { z } from 'zod';
import { callControl } from '../../controlplane/api/call.ts';
import type { GatewayStatus } from '../../controlplane/config/running.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

const words = z.string().nullable();
const status: z.ZodType<GatewayStatus> = z.object({
  pid: z.number(),
  since: z.string(),
  services: z.array(
    z.object({
      name: z.string(),
      url: words,
      reach: z.enum(['machine', 'network', 'internet']).nullable(),
      state: z.enum(['ready', 'waiting', 'closed', 'expired']),
      upstream: z.string(),
      access: z.string(),
      expires: words,
      live: z.number(),
    }),
  ),
});

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
      if (answer.is === 'error') reporter.say({ event: 'warning', code: answer.code, message: answer.message, hint: answer.hint });
      else reporter.say({ event: 'status', ...readStatus(answer.answer, answer.pid) });
    }
  });
}

function readStatus(answer: unknown, pid: number): GatewayStatus {
  const read = status.safeParse(answer);
  if (read.success) return read.data;
  throw new SallyportError('process-missing', `The process ${pid} is of another version.`, { hint: 'Restart it.' });
}

/** The address of a running service, or null when none of that name runs. */
export async function urlOf(cli: Cli, service: string): Promise<string | null> {
  const answers = await callControl(await cli.home(), 'status', {});
  for (const answer of answers) {
    const found = answer.is === 'answer' ? status.safeParse(answer.answer).data?.services.find(({ name }) => name === service) : undefined;
    if (found !== undefined && found.url !== null) return found.url;
  }
  return null;
}
