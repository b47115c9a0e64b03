/** The state directory: where it is, and whether nobody else can read or change what lies in it. */

import { constants } from 'node:fs';
import { access, lstat, mkdir, readdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { SallyportError } from '../core/errors.ts';
import { fileFault, systemCode } from '../core/system-error.ts';

/** Every path is absolute and free of symbolic links. */
export type Home = Readonly<{
  path: string;
  /** Private keys, invitations and the local CA. */
  keys: string;
  /** `exchanges.jsonl` and its older parts. */
  log: string;
  /** Control sockets of running processes, one `PID.sock` each. */
  run: string;
  /** The SQLite file. */
  store: string;
  /** The file that the records of all processes go to. */
  exchanges: string;
  /** Certificates of the local CA, for `curl --cacert`. No secret. */
  ca: string;
}>;

const folders = ['keys', 'log', 'run'] as const;
/** Files of ours below one home; a home with more has something else in it. */
const entriesMax = 10_000;

/**
 * Opens the state directory: `$SALLYPORT_HOME`, else `$XDG_STATE_HOME/sallyport`, else the system's place.
 * Makes it (0700) when it is not there. Nothing is repaired silently: a key that others could read has been read.
 *
 * Errors: `home-exposed` (with the command that mends it), `home-unwritable`, `disk-full`,
 * `usage-wrong` when SALLYPORT_HOME is relative: keys are never taken from the working directory.
 */
export async function openHome(env: NodeJS.ProcessEnv): Promise<Home> {
  const wanted = homePath(env);
  await make(dirname(wanted), 0o755, true);
  const parent = await realpath(dirname(wanted)).catch((error: unknown) => {
    throw fileFault(error, 'opening', dirname(wanted));
  });
  const path = join(parent, basename(wanted));
  await make(path, 0o700, false);
  await checkAncestors(parent);
  await checkFolder(path);
  for (const name of folders) {
    await make(join(path, name), 0o700, false);
    await checkTree(join(path, name));
  }
  for (const name of await readdir(path)) {
    // What else a person keeps beside it is theirs; the directory's own mode guards it.
    if (name.startsWith('store.sqlite')) await checkFile(join(path, name));
  }
  return homeAt(path);
}

/** The paths of a home, unchecked: for tests and for those who were handed an opened one. */
export function homeAt(path: string): Home {
  return {
    path,
    keys: join(path, 'keys'),
    log: join(path, 'log'),
    run: join(path, 'run'),
    store: join(path, 'store.sqlite'),
    exchanges: join(path, 'log', 'exchanges.jsonl'),
    ca: join(path, 'ca.pem'),
  };
}

/** Where the state directory is meant to be. Errors: `usage-wrong`. */
function homePath(env: NodeJS.ProcessEnv): string {
  const chosen = env['SALLYPORT_HOME'];
  if (chosen !== undefined && chosen !== '') {
    if (!isAbsolute(chosen) || chosen.includes('\0')) {
      throw new SallyportError('usage-wrong', 'SALLYPORT_HOME must be an absolute path: keys are never taken from the working directory.', {
        hint: `For example: SALLYPORT_HOME="$PWD/${basename(chosen)}"`,
      });
    }
    // A trailing slash would make lstat follow a symbolic link.
    return join(chosen).replace(/(?<=.)\/+$/, '');
  }
  const user = env['HOME'] !== undefined && isAbsolute(env['HOME']) ? env['HOME'] : homedir();
  // The XDG specification: a relative path in these variables is to be ignored.
  const state = env['XDG_STATE_HOME'];
  if (state !== undefined && isAbsolute(state)) return join(state, 'sallyport');
  return process.platform === 'darwin'
    ? join(user, 'Library', 'Application Support', 'sallyport')
    : join(user, '.local', 'state', 'sallyport');
}

async function make(path: string, mode: number, recursive: boolean): Promise<void> {
  try {
    await mkdir(path, { mode, recursive });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw fileFault(error, 'making', path);
  }
}

/** Somebody who may rename a directory above ours can put another in its place. */
async function checkAncestors(from: string): Promise<void> {
  for (let path = from; ; path = dirname(path)) {
    const found = await lstat(path);
    const sticky = (found.mode & 0o1000) !== 0;
    const byGroup = (found.mode & 0o020) !== 0 && found.gid !== process.getgid?.();
    if (!sticky && ((found.mode & 0o002) !== 0 || byGroup))
      throw exposed(path, 'others can replace what lies in it', `chmod go-w ${quoted(path)}`);
    if (dirname(path) === path) return;
  }
}

async function checkFolder(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink() || !found.isDirectory()) {
    throw exposed(
      path,
      found.isSymbolicLink() ? 'it is a symbolic link' : 'it is no directory',
      `Remove it, or point SALLYPORT_HOME to a real directory`,
    );
  }
  checkOwner(path, found);
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw fileFault(error, 'writing to', path);
  });
}

async function checkFile(path: string): Promise<void> {
  // A file may go away between the listing and the look: a socket, a rotated log.
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (found.isSymbolicLink()) throw exposed(path, 'it is a symbolic link', `rm ${quoted(path)}`);
  checkOwner(path, found);
}

function checkOwner(path: string, found: Readonly<{ mode: number; uid: number; isDirectory(): boolean }>): void {
  const uid = process.getuid?.();
  // Windows has neither; there the profile's own access list stands in.
  if (uid === undefined) return;
  if (found.uid !== uid) throw exposed(path, 'it belongs to another user', `sudo chown ${uid} ${quoted(path)}`);
  if ((found.mode & 0o077) !== 0) {
    const octal = (found.mode & 0o777).toString(8).padStart(4, '0');
    throw exposed(path, `others may use it (mode ${octal})`, `chmod ${found.isDirectory() ? '0700' : '0600'} ${quoted(path)}`);
  }
}

async function checkTree(path: string): Promise<void> {
  const waiting = [path];
  let seen = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    await checkFolder(next);
    for (const entry of await readdir(next, { withFileTypes: true })) {
      seen += 1;
      if (seen > entriesMax)
        throw exposed(path, `it holds more than ${entriesMax} files`, 'Point SALLYPORT_HOME to a directory of its own');
      if (entry.isDirectory()) waiting.push(join(next, entry.name));
      else await checkFile(join(next, entry.name));
    }
  }
}

function exposed(path: string, why: string, mend: string): SallyportError {
  return new SallyportError('home-exposed', `${path} is not safe for keys: ${why}.`, { hint: mend });
}

/** For a shell, so that the hint can be pasted. */
function quoted(path: string): string {
  return /^[\w./~+@:-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
