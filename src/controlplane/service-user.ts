/** Whom a process serves as that was started as root: somebody else, for good, before it reads a key or a visitor's byte. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { SallyportError } from '../core/errors.ts';

/** Whom the system knows: numbers, and where their files are. `name` is null where only numbers were said. */
export type ServiceUser = Readonly<{ name: string | null; uid: number; gid: number; home: string | null }>;

/** What the choice comes to. `stays` is root on purpose, or somebody who never was root; `unsaid` is root by accident. */
export type Standing =
  | Readonly<{ is: 'stays'; ignored: string | null }>
  | Readonly<{ is: 'unsaid' }>
  | Readonly<{ is: 'leaves'; user: ServiceUser }>;

const userExpected = 'the name of a user, like sallyport, or UID:GID';

/** `sallyport`, `root` or `1000:1000`. */
export function readUserName(text: string): string | null {
  return /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?|\d{1,10}:\d{1,10})$/.test(text) ? text : null;
}

export { userExpected };

/**
 * @param uid of this process; undefined where the system has none (Windows)
 * @param wanted as it was said; null where nothing was
 * Errors: `root-refused` for root under another name; `user-missing` for a name that the system does not know.
 */
export function standingOf(wanted: string | null, uid: number | undefined, named: () => string | null = ownName): Standing {
  if (uid !== 0) {
    const ignored = wanted === null || wanted === 'root' || uid === undefined || wanted === named() || wanted.startsWith(`${uid}:`);
    return { is: 'stays', ignored: ignored ? null : wanted };
  }
  if (wanted === null) return { is: 'unsaid' };
  if (wanted === 'root') return { is: 'stays', ignored: null };
  const user = findUser(wanted);
  if (user.uid === 0 || user.gid === 0)
    throw new SallyportError('root-refused', `${wanted} has the rights of root (number 0).`, {
      hint: 'Name another user; --user root if it has to be root.',
    });
  return { is: 'leaves', user };
}

/**
 * Becomes that user, and cannot go back: groups first, for only root may change them. Where it would be half done, or could be
 * undone, it throws, and the process must end. The state directory is that user's from then on, unless SALLYPORT_HOME says where.
 */
export function becomeUser(user: ServiceUser, env: NodeJS.ProcessEnv = process.env): void {
  const { setgroups, initgroups, setgid, setuid } = process as typeof process & { initgroups?: (name: string, gid: number) => void };
  if (setgroups === undefined || initgroups === undefined || setgid === undefined || setuid === undefined)
    throw stillRoot('it has no users');
  if (user.name === null) setgroups.call(process, [user.gid]);
  else initgroups.call(process, user.name, user.gid);
  setgid.call(process, user.gid);
  setuid.call(process, user.uid);
  assertLeft(user);
  for (const key of ['XDG_STATE_HOME', 'XDG_RUNTIME_DIR', 'SUDO_USER', 'SUDO_UID', 'SUDO_GID', 'SUDO_COMMAND', 'MAIL']) delete env[key];
  if (user.home === null) delete env['HOME'];
  else env['HOME'] = user.home;
  if (user.name !== null) env['USER'] = env['LOGNAME'] = user.name;
}

function assertLeft({ uid, gid }: ServiceUser): void {
  const ours = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
  if (ours.join() !== [uid, uid, gid, gid].join() || process.getgroups?.().includes(0) === true) throw stillRoot('rights of root are left');
  try {
    process.setuid?.(0);
  } catch {
    return;
  }
  throw stillRoot('it could become root again');
}

function stillRoot(why: string): SallyportError {
  return new SallyportError('root-refused', `This process cannot leave the rights of root: ${why}.`, {
    hint: 'Start it as an ordinary user, with CAP_NET_BIND_SERVICE for ports below 1024 (docs/guides/service.md).',
  });
}

function findUser(wanted: string): ServiceUser {
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(wanted) ?? [];
  if (uid !== undefined && gid !== undefined) return { name: null, uid: Number(uid), gid: Number(gid), home: null };
  const line = readUserName(wanted) === null ? undefined : accountLine(wanted);
  const [name, , id = '', group = '', , home = ''] = line?.split(':') ?? [];
  if (name === wanted && /^\d+$/.test(id) && /^\d+$/.test(group))
    return { name, uid: Number(id), gid: Number(group), home: isAbsolute(home) ? home : null };
  throw new SallyportError('user-missing', `This system has no user ${JSON.stringify(wanted)}.`, {
    hint: 'For example: useradd --system --home-dir /var/lib/sallyport sallyport',
  });
}

/** The file first: `getent` asks networks as well, and is not everywhere. */
function accountLine(name: string): string | undefined {
  const of = (text: string): string | undefined => text.split('\n').find((line) => line.startsWith(`${name}:`));
  try {
    const local = of(readFileSync('/etc/passwd', 'utf8'));
    return (
      local ?? of(execFileSync('getent', ['passwd', name], { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] }))
    );
  } catch {
    return undefined;
  }
}

function ownName(): string | null {
  const uid = process.getuid?.();
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.find((line) => line.split(':')[2] === String(uid))?.split(':')[0] ?? null;
  } catch {
    return null;
  }
}
