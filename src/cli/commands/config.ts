/** `sallyport config`: is the file right, and what may stand in it. */

import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { parser, readConfigFile } from '../configuration.ts';
import { configName, readFileText } from '../file-text.ts';
import { configOrThrow, problemWords } from '../../controlplane/config/file-parser.ts';
import type { ParsedFile } from '../../controlplane/config/file-parser.ts';
import { readCertificates } from '../../controlplane/certificates/files.ts';
import { buildPages } from '../../controlplane/config/page-settings.ts';
import { textsFile } from '../../controlplane/config/page-texts.ts';
import type { Config } from '../../controlplane/config/plan.ts';
import { limitsWith } from '../../core/limits.ts';
import { relayParser } from '../../controlplane/config/relay-file.ts';
import type { RelayConfig } from '../../controlplane/config/relay-file.ts';

export function configCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'config',
      summary: 'check sallyport.yaml or a relay’s file, or print their schemas and the texts of pages',
      examples: ['sallyport config check', 'sallyport config schema > sallyport.schema.json', 'sallyport config texts fr > texts.yaml'],
    },
    [check(cli), schema(cli), texts(cli)],
  );
}

const relayOption = ['--relay', 'the file of a relay (sallyport relay --config FILE)'] as const;

function check(cli: Cli) {
  return newCommand({
    usage: 'check [file]',
    summary: 'name every mistake in a configuration, with line and column',
    description: 'What it names is read as well: whether certificates fit and are in time, and the texts and the logo of pages.',
    examples: ['sallyport config check', 'sallyport config check /etc/sallyport.yaml --json', 'sallyport config check --relay relay.yaml'],
  })
    .option(...relayOption)
    .action(async (file: string | undefined, { relay = false }: Readonly<{ relay?: boolean }>) => {
      const named = file ?? (relay ? relayConfigName : configName);
      const cwd = cli.terminal.cwd();
      const parsed: ParsedFile<RelayConfig | Config> = relay ? await readRelayFile(named, cwd) : (await readConfigFile(named, cwd)).parsed;
      sayProblems(cli, parsed, named);
      const config = configOrThrow(parsed, named, relay ? 'sallyport config check --relay' : undefined);
      // What its files hold counts as well: a gateway would refuse them at its start.
      const limits = limitsWith(config.limits);
      if ('services' in config)
        await readCertificates(config.tls?.certificates ?? [], { now: cli.terminal.now, filesMax: limits.certificatesMax });
      for (const warning of buildPages(config.pages, limits).warnings) cli.reporter().say({ event: 'warning', ...warning });
      cli.reporter().say({ event: 'config', path: named, services: 'services' in config ? config.services.map(({ name }) => name) : [] });
    });
}

const relayConfigName = 'relay.yaml';

async function readRelayFile(named: string, cwd: string) {
  const { path, text } = await readFileText(named, cwd);
  return relayParser().parse(text, path);
}

function sayProblems(cli: Cli, parsed: ParsedFile<unknown>, named: string): void {
  if (parsed.ok) return;
  // The first one is said by the failure itself, which carries the exit code.
  for (const problem of parsed.problems.slice(1))
    cli.reporter().say({ event: 'warning', code: 'config-malformed', message: problemWords(problem, named), hint: null });
}

function schema(cli: Cli) {
  return newCommand({
    usage: 'schema',
    summary: 'print the JSON Schema of sallyport.yaml, for editors',
    description:
      'Prints the JSON Schema (draft 2020-12). Editors complete and check with it: put "# yaml-language-server: $schema=…" on the first line of the file.',
    examples: ['sallyport config schema > sallyport.schema.json', 'sallyport config schema --relay > sallyport-relay.schema.json'],
  })
    .option(...relayOption)
    .action(({ relay = false }: Readonly<{ relay?: boolean }>) => {
      cli.terminal.out(`${JSON.stringify((relay ? relayParser() : parser).jsonSchema(), null, 2)}\n`);
    });
}

function texts(cli: Cli) {
  return newCommand({
    usage: 'texts [language]',
    summary: 'print the texts of our own pages, to be changed or translated',
    description:
      'Prints YAML for the key texts: of sallyport.yaml. Of a language that is not there yet, the English texts stand in it. What you leave out stays as it is.',
    examples: ['sallyport config texts', 'sallyport config texts fr > texts.yaml'],
  }).action((language: string | undefined) => {
    cli.terminal.out(textsFile(language ?? 'en'));
  });
}
