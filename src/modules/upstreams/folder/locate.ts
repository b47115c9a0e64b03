/** Opens what lies below a folder, and nothing else: judged by the opened file, so that nothing can be swapped in between. */

import { constants, type BigIntStats } from 'node:fs';
import { open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { SallyportError } from '../../../core/errors.ts';
import { systemCode } from '../../../core/system-error.ts';
import { isHidden } from './request-path.ts';

export type Located = Readonly<{ is: 'file'; handle: FileHandle; stats: BigIntStats }> | Readonly<{ is: 'folder'; path: string }>;

/** What the world answers to a name that is not there, or not for us. */
const absent: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
  'ENXIO',
  'ENODEV',
  'EISDIR',
]);

/**
 * The file or folder at `wanted` (below `root`, which is real), or null. Symbolic links are followed as long as they stay
 * below the root and off hidden names; devices, pipes and sockets are absent. Hard links are files like others: whoever
 * may make one may copy the file. Who gets a `file` closes its handle.
 * Errors: `upstream-broken` when the system fails for another reason.
 */
export async function locate(root: string, wanted: string): Promise<Located | null> {
  try {
    return await look(root, wanted);
  } catch (error) {
    if (absent.has(systemCode(error) ?? '')) return null;
    throw new SallyportError('upstream-broken', `${root} cannot be read (${systemCode(error) ?? 'unknown'}).`, { cause: error });
  }
}

async function look(root: string, wanted: string): Promise<Located | null> {
  const asked = join(root, wanted);
  const real = await realpath(asked);
  if (!isBelow(root, real) || isOtherCase(asked, real)) return null;
  const found = await stat(real);
  if (found.isDirectory()) return { is: 'folder', path: real };
  // Opening a device can do things, and opening a pipe can wait: neither is opened.
  if (!found.isFile()) return null;
  const handle = await openBelow(root, real, 0);
  if (handle === null) return null;
  const stats = await handle.stat({ bigint: true });
  if (stats.isFile()) return { is: 'file', handle, stats };
  await handle.close();
  return null;
}

/** macOS: no part of the path may be a link, not only its last (`O_NOFOLLOW_ANY`, sys/fcntl.h). */
const noLinkAnywhere = process.platform === 'darwin' ? 0x2000_0000 : 0;

/**
 * Opens a real path and asks the system where the opened thing lies: a folder on the way may have become a link since
 * `realpath` looked, and a link again a folder. Null when it does not lie below the root. The caller closes it.
 */
export async function openBelow(root: string, real: string, flags: number): Promise<FileHandle | null> {
  const handle = await open(
    real,
    flags | noLinkAnywhere | constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
  );
  try {
    // Linux tells by the descriptor itself; elsewhere the flag above has settled it, or the second look comes close.
    const lies = process.platform === 'linux' ? await readlink(descriptorPath(handle)) : await realpath(real);
    if (isBelow(root, lies)) return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return null;
}

/** The opened thing itself, whatever its path leads to by now. Linux only. */
export function descriptorPath(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

function isBelow(root: string, real: string): boolean {
  if (real === root) return true;
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return false;
  const [first = '', ...others] = relative(root, real).split(sep);
  return (!isHidden(first) || first === '.well-known') && !others.some(isHidden);
}

/** On file systems that take `/ADMIN` for `/admin`, a rule about one would not hold for the other. */
function isOtherCase(asked: string, real: string): boolean {
  return asked !== real && folded(asked) === folded(real);
}

function folded(path: string): string {
  return path.normalize('NFC').toLowerCase();
}
