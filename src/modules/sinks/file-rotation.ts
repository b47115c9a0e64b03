/** A file that several processes append whole lines to, and that any of them rotates when it is long. */

import { constants } from 'node:fs';
import { open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { systemCode } from '../../core/system-error.ts';
import type { Limits } from '../../core/limits.ts';

export interface LogFile {
  /** Puts whole lines at the end, in one write, and says how many bytes of them landed: all, or as many whole lines as the disk took. */
  append(lines: Buffer): Promise<number>;
  close(): Promise<void>;
}

type Opened = Readonly<{ handle: FileHandle; inode: number }>;

/** Who rotates holds `PATH.lock`; one that is older was left by a process that was killed. */
const lockMs = 10_000;

const lineFeed = Buffer.from('\n');

export async function openLogFile(path: string, limits: Pick<Limits, 'logBytesMax' | 'logFilesMax'>): Promise<LogFile> {
  let file: Opened | null = await openOne(path);
  /** Half a line stands at the end: the next write begins on a new one. */
  let torn = false;

  const current = async (): Promise<FileHandle> => {
    const there = await stat(path).catch(() => null);
    if (file !== null && there !== null && there.ino === file.inode && there.size < limits.logBytesMax) return file.handle;
    if (there !== null && there.size >= limits.logBytesMax) await rotate(path, limits);
    await file?.handle.close();
    file = null;
    file = await openOne(path);
    return file.handle;
  };

  return {
    append: async (lines) => {
      const handle = await current();
      const bytes = torn ? Buffer.concat([lineFeed, lines]) : lines;
      // With O_APPEND one write lands in one piece, whoever else appends. On a full disk it may be cut short.
      const { bytesWritten } = await handle.write(bytes);
      torn = bytesWritten > 0 ? bytes[bytesWritten - 1] !== 10 : torn;
      return Math.max(0, bytes.subarray(0, bytesWritten).lastIndexOf(10) + 1 - (bytes.length - lines.length));
    },
    close: async () => {
      await file?.handle.close();
      file = null;
    },
  };
}

async function openOne(path: string): Promise<Opened> {
  // O_NOFOLLOW: a link in its place would lead our lines into another file. O_NONBLOCK: a pipe would hold us here.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags, 0o600);
  const found = await handle.stat();
  if (found.isFile()) return { handle, inode: found.ino };
  await handle.close();
  throw Object.assign(new Error(`${path} is no file`), { code: 'EISDIR' });
}

/** The name of the `number`th older part; 0 is the file itself. */
function partOf(path: string, number: number): string {
  return number === 0 ? path : path.replace(/(\.[^./]*)?$/, `.${number}$1`);
}

/** Shifts the parts by one. Whoever comes second finds a short file, and leaves it. */
async function rotate(path: string, limits: Pick<Limits, 'logBytesMax' | 'logFilesMax'>): Promise<void> {
  const lock = `${path}.lock`;
  if (!(await take(lock))) return;
  try {
    const there = await stat(path).catch(() => null);
    if (there === null || there.size < limits.logBytesMax) return;
    for (let number = limits.logFilesMax - 1; number > 0; number -= 1) {
      await rename(partOf(path, number - 1), partOf(path, number)).catch((error: unknown) => {
        if (systemCode(error) !== 'ENOENT') throw error;
      });
    }
    // With one file alone there is no older part to keep it in.
    if (limits.logFilesMax < 2) await unlink(path);
  } finally {
    await unlink(lock).catch(() => undefined);
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    const found = await stat(lock).catch(() => null);
    // By the clock of the file system: ours may jump.
    if (found !== null && Date.now() - found.mtimeMs > lockMs) await unlink(lock).catch(() => undefined);
    return false;
  }
}
