/** `sallyport policy`: whether a configuration decides what it should. */

import { compareAll, expectationsParser, type Outcome } from '../../controlplane/config/expectations.ts';
import { configOrThrow } from '../../controlplane/config/file-parser.ts';
import { SallyportError } from '../../core/errors.ts';
import { rehearse } from '../../gateway/rehearsal.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { readConfigFile } from '../configuration.ts';
import { configName, readFileText } from '../file-text.ts';

export function policyCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'policy',
      summary: 'whether a configuration decides what it should',
      examples: ['sallyport policy test policy.yaml'],
    },
    [test(cli)],
  );
}

function test(cli: Cli) {
  return newCommand({
    usage: 'test <file>',
    summary: 'ask a configuration a table of questions, and compare its answers',
    description:
      'Compiles the configuration with the people whom the file names, and asks it who may do what. Nothing runs, nothing is opened: for CI.',
    examples: ['sallyport policy test policy.yaml', 'sallyport policy test policy.yaml --config /etc/sallyport.yaml --json'],
  })
    .option('--config <file>', 'the configuration that is asked, whatever the file says')
    .action(async (file: string, options: Readonly<{ config?: string }>) => {
      const cwd = cli.terminal.cwd();
      const { path, text } = await readFileText(file, cwd, 'Write the table first: docs/guides/access.md shows one.');
      const table = configOrThrow(expectationsParser().parse(text, path), file, 'sallyport policy test');
      const named = options.config ?? table.config ?? configName;
      const config = configOrThrow((await readConfigFile(named, cwd)).parsed, named);
      const stage = await rehearse(config, { people: table.people, keys: table.keys, relay: table.relay, now: cli.terminal.now });
      try {
        say(cli, await compareAll(table.tests, stage.answer));
      } finally {
        await stage.close();
      }
    });
}

function say(cli: Cli, outcomes: readonly Outcome[]): void {
  const reporter = cli.reporter();
  for (const { expected, found, ok } of outcomes) {
    const { url, method, from, as, want } = expected;
    reporter.say({
      event: 'policy',
      ok,
      url,
      method,
      from,
      as,
      want,
      verdict: found.verdict,
      code: found.code,
      rule: found.rule,
      why: found.why,
    });
  }
  const wrong = outcomes.filter(({ ok }) => !ok).length;
  if (wrong === 0) return reporter.note(`All ${outcomes.length} are as expected.`);
  throw new SallyportError('policy-unmet', `${wrong} of ${outcomes.length} are not as expected.`, {
    hint: 'Why, step by step, of a running gateway: sallyport explain URL --from ADDRESS --as USER',
  });
}
