/** What every command is handed, and how one is made. */

import { Command } from 'commander';
import type { Home } from '../controlplane/home.ts';
import { openHome } from '../controlplane/home.ts';
import type { Reporter } from './reporter.ts';
import { reporterFor } from './reporter.ts';
import type { Terminal } from './terminal.ts';

export type Cli = Readonly<{
  terminal: Terminal;
  /** The state directory, opened and checked when it is first asked for. */
  home: () => Promise<Home>;
  /** Whether scripts are spoken to: `--json` stood somewhere among the words. */
  reporter: () => Reporter;
}>;

export function cliFor(terminal: Terminal, json: boolean): Cli {
  let home: Promise<Home> | null = null;
  return {
    terminal,
    home: () => (home ??= openHome(terminal.env)),
    reporter: () => reporterFor(terminal, json),
  };
}

/** `usage` as commander writes it: `add <name>`; each example is a whole line that can be typed. */
export type CommandFacts = Readonly<{
  usage: string;
  summary: string;
  description?: string;
  examples: readonly string[];
  hidden?: boolean;
}>;

/** A command with what all of them share: `--json`, examples below the help, no stray words. */
export function newCommand({ usage, summary, description, examples }: CommandFacts): Command {
  const lines = examples.map((example) => `  ${example}`).join('\n');
  return new Command()
    .command(usage)
    .summary(summary)
    .description(description ?? summary)
    .option('--json', 'one JSON object a line, for scripts')
    .addHelpText(
      'after',
      `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${lines}\n\nExit codes: 0 when all went well; the others are in docs/commands.md.`,
    );
}

/** Makes a command of several: `users add`, `users list`. Alone it shows its help. */
export function newGroup(facts: CommandFacts, commands: readonly Command[]): Command {
  const group = newCommand(facts);
  for (const command of commands) group.addCommand(command);
  return group;
}
