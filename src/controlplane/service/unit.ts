/** The systemd units of a gateway or a relay, as text: everything that it does not need is taken from it. */

import { SallyportError } from '../../core/errors.ts';

export type UnitPlan = Readonly<{
  /** What stands behind `sallyport`: `gateway`, `up` or `relay`. */
  command: 'gateway' | 'up' | 'relay';
  /** The runtime and the program, absolute paths. */
  program: readonly string[];
  /** Absolute path of the configuration. */
  config: string;
  /** An account, one that systemd makes for as long as it runs, or the person whose own manager (`systemctl --user`) starts it. */
  user: string | Readonly<{ is: 'dynamic' | 'person' }>;
  /** Whether systemd hears from us when everything listens: it must have the program for that. */
  notifies: boolean;
  /** HOST:PORT or [V6]:PORT of the sockets that systemd is to hold; none: they are opened by us. */
  sockets: readonly string[];
}>;

/** The first line: what does not begin with it is another's, and is neither replaced nor removed. */
export const unitMark = '# Written by `sallyport service install`; `sallyport service remove` takes it away.';

/** Why MemoryDenyWriteExecute is not there stands in the unit itself: its reader will miss it. */
export function serviceUnit(plan: UnitPlan): string {
  const { command, program, config, user, notifies, sockets } = plan;
  const isPerson = typeof user !== 'string' && user.is === 'person';
  const exec = [...program, command, '--config', config].map(unitWord).join(' ');
  const own = program.map(unitWord).join(' ');
  return lines([
    unitMark,
    '[Unit]',
    `Description=Sallyport ${command === 'relay' ? 'relay' : 'gateway'}`,
    ...(isPerson ? [] : ['Wants=network-online.target', 'After=network-online.target']),
    // The service goes on without them where they are there already; it never starts before them.
    ...(sockets.length === 0 ? [] : [`Requires=%N.socket`, `After=%N.socket`]),
    '',
    '[Service]',
    ...(notifies ? ['Type=notify', '# It is told by the program systemd-notify, a child of ours.', 'NotifyAccess=all'] : ['Type=exec']),
    `ExecStart=${exec}`,
    `ExecReload=${own} reload`,
    '# What runs may end; of a relay all processes, of which systemd knows the first.',
    'KillMode=mixed',
    'TimeoutStopSec=30',
    'Restart=on-failure',
    'RestartSec=1',
    '# A mistake in the file or a missing right is not mended by trying again: sysexits(3).',
    'RestartPreventExitStatus=64 66 67 77 78',
    'LimitNOFILE=65536',
    'UMask=0077',
    ...identity(user),
    ...(isPerson ? ['NoNewPrivileges=yes'] : sandbox(plan)),
    '',
    '[Install]',
    `WantedBy=${isPerson ? 'default.target' : 'multi-user.target'}`,
  ]);
}

/** Where systemd holds the sockets: it needs no right of its own, and nobody is refused while it restarts. */
export function socketUnit({ command, sockets }: Pick<UnitPlan, 'command' | 'sockets'>): string {
  return lines([
    unitMark,
    '[Unit]',
    `Description=Sockets of the Sallyport ${command === 'relay' ? 'relay' : 'gateway'}`,
    '',
    '[Socket]',
    ...sockets.map((socket) => `ListenStream=${socket}`),
    'Backlog=1024',
    '# 0.0.0.0 and [::] are two addresses, as in the configuration.',
    'BindIPv6Only=ipv6-only',
    '',
    '[Install]',
    'WantedBy=sockets.target',
  ]);
}

/** For systemd-sysusers: an account without a password, a shell and a home that others can write. */
export function accountFile(user: string): string {
  return lines([unitMark, `u ${user} - "Sallyport" /var/lib/sallyport`]);
}

function identity(user: UnitPlan['user']): readonly string[] {
  if (typeof user !== 'string' && user.is === 'person') return [];
  const state = [
    'StateDirectory=sallyport',
    'StateDirectoryMode=0700',
    'CacheDirectory=sallyport',
    'Environment=NODE_COMPILE_CACHE=%C/sallyport',
  ];
  if (typeof user === 'string') return ['', `User=${user}`, ...state, 'Environment=SALLYPORT_HOME=%S/sallyport'];
  // systemd puts a link in the place of the directory itself.
  return ['', 'DynamicUser=yes', ...state, 'Environment=SALLYPORT_HOME=%S/sallyport/home'];
}

function sandbox({ sockets, program, config }: UnitPlan): readonly string[] {
  const atHome = [...program, config].some((path) => /^\/(?:home|root|run\/user)\//.test(path));
  // Where systemd holds the sockets, not even this right is needed.
  const right = sockets.length === 0 ? 'CAP_NET_BIND_SERVICE' : '';
  return [
    '',
    `CapabilityBoundingSet=${right}`,
    `AmbientCapabilities=${right}`,
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    `ProtectHome=${atHome ? 'read-only' : 'yes'}`,
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectProc=invisible',
    'RemoveIPC=yes',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'KeyringMode=private',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service @pkey',
    'SystemCallFilter=~@privileged @resources',
    'SystemCallErrorNumber=EPERM',
    '# Not MemoryDenyWriteExecute: the runtime compiles what runs often, into memory that it writes and then executes.',
  ];
}

/** One word of a command line in a unit (systemd.service(5)): quoted where it must be, `%` and `$` as themselves. */
function unitWord(word: string): string {
  if (/\p{Cc}/u.test(word))
    throw new SallyportError('usage-wrong', `The path ${JSON.stringify(word)} cannot stand in a unit.`, {
      hint: 'Use a path without control characters.',
    });
  const doubled = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:@%$+=,-]+$/.test(doubled) ? doubled : `"${doubled.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
