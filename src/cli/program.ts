/** All commands in one program. */

import { Command } from 'commander';
import type { Cli } from './cli.ts';

type Load = () => Promise<(cli: Cli) => Command>;

/** Each loads its own file when it is asked for: what runs for weeks keeps nothing in memory that it never needs. */
const groups: readonly (readonly [title: string, commands: Readonly<Record<string, Load>>])[] = [
  [
    'Share',
    {
      http: async () => (await import('./commands/http.ts')).httpCommand,
      dir: async () => (await import('./commands/dir.ts')).dirCommand,
      tcp: async () => (await import('./commands/tcp.ts')).tcpCommand,
      tls: async () => (await import('./commands/tls.ts')).tlsCommand,
      udp: async () => (await import('./commands/udp.ts')).udpCommand,
      proxy: async () => (await import('./commands/proxy.ts')).proxyCommand,
      example: async () => (await import('./commands/example.ts')).exampleCommand,
    },
  ],
  [
    'Visit',
    {
      connect: async () => (await import('./commands/connect.ts')).connectCommand,
    },
  ],
  [
    'Run',
    {
      up: async () => (await import('./commands/up.ts')).upCommand,
      gateway: async () => (await import('./commands/gateway.ts')).gatewayCommand,
      relay: async () => (await import('./commands/relay.ts')).relayCommand,
      join: async () => (await import('./commands/join.ts')).joinCommand,
      leave: async () => (await import('./commands/leave.ts')).leaveCommand,
      reload: async () => (await import('./commands/reload.ts')).reloadCommand,
      stop: async () => (await import('./commands/stop.ts')).stopCommand,
      service: async () => (await import('./commands/service.ts')).serviceCommand,
    },
  ],
  [
    'Look',
    {
      status: async () => (await import('./commands/status.ts')).statusCommand,
      logs: async () => (await import('./commands/logs.ts')).logsCommand,
      doctor: async () => (await import('./commands/doctor.ts')).doctorCommand,
      explain: async () => (await import('./commands/explain.ts')).explainCommand,
    },
  ],
  [
    'Switch',
    {
      open: async () => (await import('./commands/open.ts')).openCommand,
      close: async () => (await import('./commands/close.ts')).closeCommand,
    },
  ],
  [
    'People',
    {
      users: async () => (await import('./commands/users.ts')).usersCommand,
      sessions: async () => (await import('./commands/sessions.ts')).sessionsCommand,
      doors: async () => (await import('./commands/doors.ts')).doorsCommand,
      links: async () => (await import('./commands/links.ts')).linksCommand,
      keys: async () => (await import('./commands/keys.ts')).keysCommand,
      clients: async () => (await import('./commands/clients.ts')).clientsCommand,
      pins: async () => (await import('./commands/pins.ts')).pinsCommand,
      secrets: async () => (await import('./commands/secrets.ts')).secretsCommand,
    },
  ],
  [
    'Set up',
    {
      policy: async () => (await import('./commands/policy.ts')).policyCommand,
      config: async () => (await import('./commands/config.ts')).configCommand,
      import: async () => (await import('./commands/import.ts')).importCommand,
      certificates: async () => (await import('./commands/certificates.ts')).certificatesCommand,
      ca: async () => (await import('./commands/ca.ts')).caCommand,
      'rotate-key': async () => (await import('./commands/rotate-key.ts')).rotateKeyCommand,
      backup: async () => (await import('./commands/backup.ts')).backupCommand,
      restore: async () => (await import('./commands/restore.ts')).restoreCommand,
      version: async () => (await import('./commands/version.ts')).versionCommand,
    },
  ],
];

export const commandNames: ReadonlySet<string> = new Set(groups.flatMap(([, commands]) => Object.keys(commands)));

/** With every command, or with `only` one of them. */
export async function buildProgram(cli: Cli, only: string | null = null): Promise<Command> {
  const program = new Command('sallyport')
    .description('Expose anything that runs on localhost, safely.')
    .usage('PORT | COMMAND [options]')
    .helpCommand('help [command]', 'more about a command')
    .addHelpText('after', examples);
  for (const [title, commands] of groups) {
    program.commandsGroup(`${title}:`);
    for (const [name, load] of Object.entries(commands)) {
      if (only === null || only === name) program.addCommand((await load())(cli));
    }
  }
  for (const command of everyCommand(program)) {
    command
      // `relay invite blog --address …` speaks of the invitation: what stands behind a command is that command's.
      .enablePositionalOptions()
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({
        writeOut: (text) => cli.terminal.out(text),
        // What went wrong is said once, in our form.
        writeErr: () => undefined,
        getOutHelpWidth: () => cli.terminal.size().columns,
        getOutHasColors: () => false,
      });
  }
  return program;
}

const examples = `
Examples:
  sallyport 3000                                 share what listens on port 3000, by a secret link
  sallyport 3000 --password ana --for 2h         let ana in, with a password, for two hours
  sallyport dir ./site --name demo               share a folder
  sallyport gateway --config sallyport.yaml      HTTPS and a password in front of local services
  sallyport 80 blog.example.org +password/ana=…  PageKite's own words work as well

sallyport COMMAND --help tells more about each.`;

/** What `sallyport` alone says: fits a terminal of 24 rows. */
export const firstScreen = `Sallyport exposes anything that runs on localhost, safely.

  sallyport example               share the blog that comes with it: try this
  sallyport 3000                  share port 3000, by a secret link
  sallyport 3000 --password ana   … with a password, --for 2h … for two hours
  sallyport 3000 --lan            … with everybody in this network
  sallyport dir ./site            share a folder

  sallyport join CODE             get an address on the Internet, from a relay
  sallyport relay                 run such a relay yourself
  sallyport up                    run everything in sallyport.yaml
  sallyport gateway               HTTPS and passwords before local services

  sallyport status                what is open, and for whom
  sallyport logs -f               who comes
  sallyport close NAME            shut a service, at once (open NAME)
  sallyport users add ana         who may sign in

sallyport help lists every command; sallyport COMMAND --help tells of one.
`;

/** The command that these words lead to: as deep as they name one. */
export function meantCommand(program: Command, words: readonly string[]): Command {
  let meant = program;
  for (const word of words.filter((each) => !each.startsWith('-'))) {
    const below = meant.commands.find((command) => command.name() === word);
    if (below === undefined) break;
    meant = below;
  }
  return meant;
}

/** `help frobnicate` fails like `frobnicate`: with what was perhaps meant. */
export function meantWords(program: Command, words: readonly string[]): readonly string[] {
  const [first, second] = words;
  const unknown = second !== undefined && !second.startsWith('-') && meantCommand(program, [second]) === program;
  return first === 'help' && unknown ? words.slice(1) : words;
}

/** Where somebody looks whose words were wrong. */
export function helpHint(command: Command): string {
  if (command.parent === null) return 'sallyport help lists the commands.';
  const path: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) path.unshift(at.name());
  return `${path.join(' ')} --help shows how it is written.`;
}

/** The program, its commands and theirs. */
export function everyCommand(program: Command): readonly Command[] {
  return [program, ...program.commands.flatMap(everyCommand)];
}

/** `--name`, `-n`: options whose value may be the next word. */
export function valuedOptions(program: Command): ReadonlySet<string> {
  const options = everyCommand(program).flatMap((command) => command.options.filter((option) => option.required));
  return new Set(options.flatMap(({ long, short }) => [long, short]).filter((flag) => flag !== undefined));
}
