/** Runs one command line, from its words to its exit code. */

import { CommanderError } from 'commander';
import { readArguments, hideArguments } from './arguments.ts';
import { cliFor } from './cli.ts';
import type { Cli } from './cli.ts';
import { failureOf } from './failure.ts';
import { readPageKite } from './pagekite-words.ts';
import { buildProgram, commandNames, firstScreen, helpHint, meantCommand, meantWords, valuedOptions } from './program.ts';
import { reportFailure } from './reporter.ts';
import type { Terminal } from './terminal.ts';

/** Never rejects: what went wrong has been said, and the number says which kind it was. */
export async function run(words: readonly string[], terminal: Terminal): Promise<number> {
  const json = words.includes('--json');
  const cli = cliFor(terminal, json);
  const program = await buildProgram(cli, namedFirst(words));
  try {
    const spoken = readArguments(words, new Set([...commandNames, 'help']), valuedOptions(program));
    switch (spoken.is) {
      case 'nothing':
        terminal.out(firstScreen);
        return 0;
      case 'pagekite':
        await sharePageKite(cli, spoken.words);
        return 0;
      case 'command':
        await program.parseAsync([...meantWords(program, spoken.words)], { from: 'user' });
        return 0;
      default:
        return spoken satisfies never;
    }
  } catch (error) {
    // Help that was asked for is no failure.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const meant = meantCommand(program, words);
    // `sallyport users` alone: it wants one word more, and its help names them.
    if (error instanceof CommanderError && error.code === 'commander.help' && !json) {
      meant.outputHelp();
      return 0;
    }
    if ((terminal.env['SALLYPORT_DEBUG'] ?? '') !== '' && error instanceof Error) terminal.err(`${error.stack ?? error.message}\n`);
    const failure = failureOf(error, helpHint(meant));
    reportFailure(terminal, json, failure);
    return failure.exit;
  }
}

/** The command that is meant, where the first word says so: then no other is loaded. Null where it takes all of them to tell. */
function namedFirst([first = '']: readonly string[]): string | null {
  if (commandNames.has(first)) return first;
  if (first === '--version' || first === '-V') return 'version';
  return /^\d/.test(first) ? 'http' : null;
}

async function sharePageKite(cli: Cli, words: readonly string[]): Promise<void> {
  const { requests, passwords } = readPageKite(words, cli.terminal.cwd());
  if (passwords.length > 0) {
    hideArguments('');
    cli.reporter().say({
      event: 'warning',
      code: 'secret-spoken',
      message: 'A password in the command line can be read by others on this machine, and stays in the history of your shell.',
      hint: 'Use --password NAME, which asks for it.',
    });
  }
  const { share } = await import('./share.ts');
  const known = new Map(passwords.map(({ user, password }) => [user, password]));
  await share(cli, { requests, passwords: known, lan: false, relay: null });
}
