/** `sallyport explain`: which rule decides about a request, and why. */

import { z } from 'zod';
import { callControl } from '../../controlplane/api/call.ts';
import type { ControlRequest } from '../../controlplane/api/verbs.ts';
import type { DestinationAnswer } from '../../controlplane/config/destination-question.ts';
import type { Answer } from '../../controlplane/config/question.ts';
import { SallyportError, codes, type Code } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

type ExplainOptions = Readonly<{ from?: string; as?: string; method?: string; destination?: string; proxy?: string }>;

const code = z.custom<Code>((value) => typeof value === 'string' && Object.hasOwn(codes, value));

const answer: z.ZodType<Answer> = z.object({
  service: z.string().nullable(),
  verdict: z.enum(['admit', 'ask', 'refuse']),
  code: code.nullable(),
  rule: z.string().nullable(),
  why: z.string(),
  steps: z.array(z.string()),
});

const ruled: z.ZodType<DestinationAnswer> = z.object({
  proxy: z.string(),
  verdict: z.enum(['pass', 'deny']),
  code: code.nullable(),
  why: z.string(),
  rule: z.string().nullable(),
});

export function explainCommand(cli: Cli) {
  return newCommand({
    usage: 'explain [url]',
    summary: 'which rule decides about a request, and why',
    description:
      'Asks the running gateway how it would judge a request, or where a proxy would lead somebody. Nothing is opened, counted or recorded. A destination that is an address is looked up nowhere; a name is, as the proxy would.',
    examples: [
      'sallyport explain https://blog.localhost:8443/admin --from 192.0.2.7',
      'sallyport explain https://blog.example.org/ --from 192.0.2.7 --as ana',
      'sallyport explain --destination git.example.org:22 --as partner --json',
    ],
  })
    .option('--from <address>', 'the address the visitor comes from')
    .option(
      '--as <user>',
      'as if this user had shown their password, key:NAME its key, certificate:NAME its certificate, email:ADDRESS, link:ID or pin:SERVICE what they say, or the client of a proxy its own',
    )
    .option('--method <method>', 'the method of the request: GET, or CONNECT to a destination')
    .option('--destination <host:port>', 'where a proxy would be asked to lead')
    .option('--proxy <name>', 'which proxy, where there are several')
    .action((url: string | undefined, options: ExplainOptions) =>
      options.destination === undefined ? explainUrl(cli, url, options) : explainDestination(cli, url, options.destination, options),
    );
}

async function explainUrl(cli: Cli, url: string | undefined, options: ExplainOptions): Promise<void> {
  if (url === undefined || options.from === undefined || options.proxy !== undefined) {
    throw new SallyportError('usage-wrong', 'explain takes a URL and --from ADDRESS, or --destination HOST:PORT.', {
      hint: 'For example: sallyport explain https://blog.example.org/ --from 192.0.2.7',
    });
  }
  const asked = { url, method: (options.method ?? 'GET').toUpperCase(), from: options.from, as: options.as ?? null };
  const answers = await ask(cli, asked, answer);
  const found = answers.find(({ service }) => service !== null) ?? answers[0];
  if (found === undefined) throw nobody();
  const { service, verdict, code: told, rule, why, steps } = found;
  cli.reporter().say({ event: 'explain', url, from: asked.from, as: asked.as, service, verdict, code: told, rule, why, steps });
}

async function explainDestination(cli: Cli, url: string | undefined, destination: string, options: ExplainOptions): Promise<void> {
  if (url !== undefined || options.from !== undefined)
    throw new SallyportError('usage-wrong', 'A destination has no URL and no --from beside it.', {
      hint: 'For example: sallyport explain --destination git.example.org:22 --as partner',
    });
  const as = options.as?.toLowerCase() ?? null;
  const asked = { destination, method: (options.method ?? 'CONNECT').toUpperCase(), as, proxy: options.proxy ?? null };
  const [found] = await ask(cli, asked, ruled);
  if (found === undefined) throw nobody();
  const { proxy, verdict, code: told, why, rule } = found;
  cli.reporter().say({ event: 'explain', proxy, destination, as, verdict, code: told, why, rule });
}

/** Of several processes each that knows answers. Errors: `process-missing`, `usage-wrong`. */
async function ask<Answered>(cli: Cli, question: ControlRequest<'explain'>, schema: z.ZodType<Answered>): Promise<readonly Answered[]> {
  const answers = await callControl(await cli.home(), 'explain', question);
  const found = answers.flatMap((each) => (each.is === 'answer' ? [schema.parse(each.answer)] : []));
  const failed = answers.find((each) => each.is === 'error');
  if (found.length === 0 && failed?.is === 'error')
    throw new SallyportError(failed.code, failed.message, failed.hint === null ? {} : { hint: failed.hint });
  return found;
}

function nobody(): SallyportError {
  return new SallyportError('process-missing', 'Nothing runs that could be asked.', { hint: 'Start it first: sallyport up' });
}
