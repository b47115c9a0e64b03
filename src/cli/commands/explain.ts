/** `sallyport explain`: which rule decides about a request, and why. */

import { z } from 'zod';
import { callControl } from '../../controlplane/api/call.ts';
import type { Answer } from '../../controlplane/config/question.ts';
import { SallyportError, codes, type Code } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

type ExplainOptions = Readonly<{ from: string; as?: string; method: string }>;

const code = z.custom<Code>((value) => typeof value === 'string' && Object.hasOwn(codes, value));

const answer: z.ZodType<Answer> = z.object({
  service: z.string().nullable(),
  verdict: z.enum(['admit', 'ask', 'refuse']),
  code: code.nullable(),
  rule: z.string().nullable(),
  why: z.string(),
  steps: z.array(z.string()),
});

export function explainCommand(cli: Cli) {
  return newCommand({
    usage: 'explain <url>',
    summary: 'which rule decides about a request, and why',
    description: 'Asks the running gateway how it would judge a request. Nothing is opened, counted or recorded.',
    examples: [
      'sallyport explain https://blog.localhost:8443/admin --from 192.0.2.7',
      'sallyport explain https://blog.example.org/ --from 192.0.2.7 --as ana',
    ],
  })
    .requiredOption('--from <address>', 'the address the visitor comes from')
    .option('--as <user>', 'as if this user had shown their password, or key:NAME its key')
    .option('--method <method>', 'the method of the request', 'GET')
    .action(async (url: string, options: ExplainOptions) => {
      const asked = { url, method: options.method.toUpperCase(), from: options.from, as: options.as ?? null };
      const found = await ask(cli, asked);
      cli.reporter().say({
        event: 'explain',
        url,
        from: asked.from,
        as: asked.as,
        service: found.service,
        verdict: found.verdict,
        code: found.code,
        rule: found.rule,
        why: found.why,
        steps: found.steps,
      });
    });
}

/** Of several processes, the one that has the service answers. Errors: `process-missing`, `usage-wrong`. */
async function ask(cli: Cli, question: Readonly<{ url: string; method: string; from: string; as: string | null }>): Promise<Answer> {
  const home = await cli.home();
  const answers = await callControl(home, 'explain', question);
  const found = answers.flatMap((each) => (each.is === 'answer' ? [answer.parse(each.answer)] : []));
  const best = found.find(({ service }) => service !== null) ?? found[0];
  if (best !== undefined) return best;
  const failed = answers.find((each) => each.is === 'error');
  if (failed?.is === 'error') throw new SallyportError(failed.code, failed.message, failed.hint === null ? {} : { hint: failed.hint });
  throw new SallyportError('process-missing', 'Nothing runs that could be asked.', { hint: 'Start it first: sallyport up' });
}
