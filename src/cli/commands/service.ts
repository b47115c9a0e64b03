/** `sallyport service`: a gateway or a relay that starts with the machine. */

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { configOrThrow } from '../../controlplane/config/file-parser.ts';
import type { Listen } from '../../controlplane/config/plan.ts';
import { relayParser } from '../../controlplane/config/relay-file.ts';
import {
  assertOurs,
  removeUnits,
  runSystemd,
  runsSystemd,
  systemdProgram,
  writeUnits,
  type UnitFile,
} from '../../controlplane/service/installed.ts';
import { accountFile, serviceUnit, socketUnit, type UnitPlan } from '../../controlplane/service/unit.ts';
import { readUserName } from '../../controlplane/service-user.ts';
import { hostPort } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { readConfigFile } from '../configuration.ts';
import { readFileText } from '../file-text.ts';

type Words = Readonly<{
  relay?: boolean;
  config?: string;
  user?: string;
  dynamic?: boolean;
  sockets?: boolean;
  name?: string;
  root?: string;
  print?: boolean;
}>;

export function serviceCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'service',
      summary: 'start a gateway or a relay with the machine (systemd)',
      description: 'Writes, removes and shows the systemd unit. For macOS and Windows see docs/guides/service.md.',
      examples: ['sudo sallyport service install --config /etc/sallyport/sallyport.yaml', 'sallyport service install --print'],
    },
    [install(cli), remove(cli), status(cli)],
  );
}

function install(cli: Cli) {
  return newCommand({
    usage: 'install',
    summary: 'write a hardened systemd unit',
    description:
      'As root: a unit of the system, which runs as an account of its own with the right to bind low ports and no other. Otherwise a unit of your own (systemctl --user). Nothing is started.',
    examples: [
      'sallyport service install --print',
      'sudo sallyport service install --config /etc/sallyport/sallyport.yaml',
      'sudo sallyport service install --relay --config /etc/sallyport/relay.yaml --sockets',
    ],
  })
    .option('--config <file>', 'the configuration (/etc/sallyport/sallyport.yaml; relay.yaml with --relay)')
    .option('--relay', 'a relay, instead of a gateway')
    .option('--user <name>', 'the account that it runs as, made where it is missing (sallyport)')
    .option('--dynamic', 'an account that systemd makes for as long as it runs')
    .option('--sockets', 'systemd holds the listening sockets: nobody is refused at a restart')
    .option('--name <name>', 'the name of the unit (sallyport, or sallyport-relay)')
    .option('--root <folder>', 'write below this folder and run nothing: for packages and images')
    .option('--print', 'show the files, and write nothing')
    .action(async (words: Words) => {
      const plan = await planOf(cli, words);
      const files = filesOf(plan, words);
      if (words.print === true) return cli.terminal.out(files.map(({ path, text }) => `# ${path}\n${text}`).join('\n'));
      assertSystemd(words);
      await writeUnits(files);
      if (words.root === undefined) await announce(plan.user);
      for (const { path } of files) cli.reporter().say({ event: 'unit', unit: unitName(words), path, change: 'written', state: null });
      const unit = unitName(words);
      cli
        .reporter()
        .note(
          `Start it, now and with the machine: ${isSystem(words) ? 'systemctl' : 'systemctl --user'} enable --now ${startable(unit, words)}`,
        );
      return undefined;
    });
}

function remove(cli: Cli) {
  return newCommand({
    usage: 'remove',
    summary: 'stop it, and take its unit away',
    description: 'What it knows (the state directory), its configuration and its account stay.',
    examples: ['sudo sallyport service remove', 'sudo sallyport service remove --relay'],
  })
    .option('--relay', 'that of a relay')
    .option('--name <name>', 'the name of the unit (sallyport, or sallyport-relay)')
    .option('--root <folder>', 'below this folder; nothing is run')
    .action(async (words: Words) => {
      assertSystemd(words);
      const unit = unitName(words);
      const paths = pathsOf(words);
      const there = paths.filter((path) => existsSync(path));
      if (there.length === 0)
        throw new SallyportError('service-missing', `There is no unit ${unit} here.`, { hint: `It would be ${paths[0] ?? ''}.` });
      // Another's is neither removed nor stopped.
      await assertOurs(paths);
      if (words.root === undefined)
        await systemctl(words, ['disable', '--now', ...there.map((path) => path.slice(path.lastIndexOf('/') + 1))]);
      for (const path of await removeUnits(paths)) cli.reporter().say({ event: 'unit', unit, path, change: 'removed', state: null });
      if (words.root === undefined) await systemctl(words, ['daemon-reload']);
    });
}

function status(cli: Cli) {
  return newCommand({
    usage: 'status',
    summary: 'whether it is installed, starts with the machine, and runs',
    examples: ['sallyport service status', 'sallyport service status --relay --json'],
  })
    .option('--relay', 'that of a relay')
    .option('--name <name>', 'the name of the unit (sallyport, or sallyport-relay)')
    .option('--root <folder>', 'below this folder; nothing is run')
    .action(async (words: Words) => {
      const unit = unitName(words);
      const [path = ''] = pathsOf(words);
      if (!existsSync(path))
        throw new SallyportError('service-missing', `There is no unit ${unit} here.`, { hint: 'sallyport service install writes it.' });
      const asked =
        words.root === undefined ? await systemctl(words, ['show', unit, '--property=ActiveState,UnitFileState', '--value']) : '';
      cli.reporter().say({ event: 'unit', unit, path, change: null, state: asked === '' ? null : asked.split('\n').join(', ') });
    });
}

/** Errors: those of the configuration, `usage-wrong`. */
async function planOf(cli: Cli, words: Words): Promise<UnitPlan> {
  const relay = words.relay === true;
  const named = words.config ?? `/etc/sallyport/${relay ? 'relay' : 'sallyport'}.yaml`;
  const config = isAbsolute(named) ? named : resolve(cli.terminal.cwd(), named);
  // What it would fail on at its start is said now; what is only shown needs no file, unless its addresses do.
  const listen = words.print === true && words.sockets !== true && !existsSync(config) ? [] : await listenOf(cli, named, relay);
  const sockets = words.sockets === true ? listen.map(({ host, port }) => hostPort(host === 'localhost' ? '127.0.0.1' : host, port)) : [];
  if (words.sockets === true && sockets.length === 0)
    throw new SallyportError('usage-wrong', `${named} listens nowhere, so there are no sockets to hold.`, { hint: 'Leave out --sockets.' });
  return {
    command: relay ? 'relay' : listen.length > 0 ? 'gateway' : 'up',
    program: [process.execPath, realpathSync(process.argv[1] ?? '')],
    config,
    user: userOf(words),
    notifies: systemdProgram('systemd-notify') !== null,
    sockets,
  };
}

async function listenOf(cli: Cli, named: string, relay: boolean): Promise<readonly Listen[]> {
  const cwd = cli.terminal.cwd();
  if (!relay) return configOrThrow((await readConfigFile(named, cwd)).parsed, named).listen;
  const { path, text } = await readFileText(named, cwd);
  const { listen } = configOrThrow(relayParser().parse(text, path), named, 'sallyport config check --relay');
  return listen ?? [{ scheme: 'https', host: '0.0.0.0', port: 443 }];
}

function userOf(words: Words): UnitPlan['user'] {
  const { user = 'sallyport', dynamic = false } = words;
  if (dynamic && words.user !== undefined)
    throw new SallyportError('usage-wrong', '--dynamic and --user are two ways.', { hint: 'Say one of them.' });
  if (!isSystem(words)) return { is: 'person' };
  if (dynamic) return { is: 'dynamic' };
  if (readUserName(user) === null || user.includes(':') || user === 'root')
    throw new SallyportError('usage-wrong', `--user ${JSON.stringify(user)} is no account for it.`, {
      hint: 'For example: --user sallyport',
    });
  return user;
}

/** Only root has units of the system; what is only shown or packed is meant for root. */
function isSystem({ root, print }: Words): boolean {
  return root !== undefined || print === true || process.getuid?.() === 0;
}

function unitName({ name, relay }: Words): string {
  const unit = name ?? (relay === true ? 'sallyport-relay' : 'sallyport');
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$/.test(unit)) return unit;
  throw new SallyportError('usage-wrong', `--name ${JSON.stringify(unit)} is no name of a unit.`, {
    hint: 'Letters, digits, dots and hyphens: --name shop',
  });
}

function startable(unit: string, { sockets }: Words): string {
  return sockets === true ? `${unit}.socket ${unit}.service` : unit;
}

function folderOf(words: Words): string {
  const own = process.env['XDG_CONFIG_HOME'] ?? join(process.env['HOME'] ?? '/', '.config');
  return isSystem(words) ? join(words.root ?? '/', 'etc/systemd/system') : join(own, 'systemd/user');
}

/** The service first. */
function pathsOf(words: Words): readonly string[] {
  return ['service', 'socket'].map((kind) => join(folderOf(words), `${unitName(words)}.${kind}`));
}

function filesOf(plan: UnitPlan, words: Words): readonly UnitFile[] {
  const [service = '', socket = ''] = pathsOf(words);
  const files: UnitFile[] = [{ path: service, text: serviceUnit(plan) }];
  if (plan.sockets.length > 0) files.push({ path: socket, text: socketUnit(plan) });
  if (typeof plan.user === 'string' && !hasAccount(plan.user, words))
    files.push({ path: join(words.root ?? '/', 'etc/sysusers.d', `${unitName(words)}.conf`), text: accountFile(plan.user) });
  return files;
}

function hasAccount(user: string, { root = '/' }: Words): boolean {
  try {
    return readFileSync(join(root, 'etc/passwd'), 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`${user}:`));
  } catch {
    return false;
  }
}

/** systemd reads what is new, and makes the account. */
async function announce(user: UnitPlan['user']): Promise<void> {
  const sysusers = systemdProgram('systemd-sysusers');
  if (typeof user === 'string' && sysusers !== null) await runSystemd(sysusers, []);
  await systemctl({}, ['daemon-reload']);
}

async function systemctl(words: Words, arguments_: readonly string[]): Promise<string> {
  const program = systemdProgram('systemctl');
  if (program === null) return '';
  const { said } = await runSystemd(program, [...(isSystem(words) ? [] : ['--user']), ...arguments_]);
  return said;
}

/** Errors: `service-missing` where systemd does not run. */
function assertSystemd({ root }: Words): void {
  if (root !== undefined || runsSystemd()) return;
  throw new SallyportError('service-missing', 'systemd does not run this machine.', {
    hint: '--print shows the unit; for macOS, Windows and containers see docs/guides/service.md.',
  });
}
