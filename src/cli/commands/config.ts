/** `sallyport config`: is the file right, and what may stand in it. */

import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { configName, parser, readConfigFile } from '../configuration.ts';
import { configOrThrow, problemWords } from '../../controlplane/config/parse.ts';

export function configCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'config',
      summary: 'check sallyport.yaml, or print its schema',
      examples: ['sallyport config check', 'sallyport config schema > sallyport.schema.json'],
    },
    [check(cli), schema(cli)],
  );
}

function check(cli: Cli) {
  return newCommand({
    usage: 'check [file]',
    summary: 'name every mistake in a configuration, with line and column',
    examples: ['sallyport config check', 'sallyport config check /etc/sallyport.yaml --json'],
  }).action(async (file: string | undefined) => {
    const reporter = cli.reporter();
    const named = file ?? configName;
    const { parsed } = await readConfigFile(named, cli.terminal.cwd());
    if (!parsed.ok) {
      // The last one is said by the failure itself, which carries the exit code.
      for (const problem of parsed.problems.slice(1))
        reporter.say({ event: 'warning', code: 'config-malformed', message: problemWords(problem, named), hint: null });
    }
    const config = configOrThrow(parsed, named);
    reporter.say({ event: 'config', path: named, services: config.services.map(({ name }) => name) });
  });
}

function schema(cli: Cli) {
  return newCommand({
    usage: 'schema',
    summary: 'print the JSON Schema of sallyport.yaml, for editors',
    description:
      'Prints the JSON Schema (draft 2020-12). Editors complete and check with it: put "# yaml-language-server: $schema=…" on the first line of the file.',
    examples: ['sallyport config schema > sallyport.schema.json'],
  }).action(() => {
    cli.terminal.out(`${JSON.stringify(parser.jsonSchema(), null, 2)}\n`);
  });
}
