/** Files that nobody else may read: written whole or not at all, read only where they lie as we made them. */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SallyportError } from '../core/errors.ts';
import { fileFault, systemCode } from '../core/system-error.ts';

/**
 * Puts `text` in place of what is at `path`: whole even when the machine stops halfway.
 * Errors: `disk-full`, `home-unwritable`; the old file stays.
 */
export async function replacePrivate(path: string, text: string): Promise<void> {
  const beside = await writeBeside(path, text);
  await settle(path, beside, () => rename(beside, path));
}

/**
 * Makes `path`, unless somebody was faster: false then. Of two processes that start at once exactly one makes it.
 * Errors: `disk-full`, `home-unwritable`.
 */
export async function createPrivate(path: string, text: string): Promise<boolean> {
  const beside = await writeBeside(path, text);
  try {
    await settle(path, beside, () => link(beside, path));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(beside).catch(() => undefined);
  }
}

/**
 * What is at `path`, or null when nothing is. The modes are those of the opened file: nothing can be put in its place meanwhile.
 * Errors: `home-exposed` when others may read it, it is a link, or another user's; `home-unwritable`.
 */
export async function readPrivate(path: string, bytesMax: number): Promise<string | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    if (systemCode(error) === 'ELOOP') throw exposed(path, 'it is a symbolic link', `rm ${path}`);
    throw fileFault(error, 'reading', path);
  });
  if (file === null) return null;
  try {
    const found = await file.stat();
    const uid = process.getuid?.();
    if (!found.isFile()) throw exposed(path, 'it is no file', `rm -r ${path}`);
    if (uid !== undefined && found.uid !== uid) throw exposed(path, 'it belongs to another user', `sudo chown ${uid} ${path}`);
    if (uid !== undefined && (found.mode & 0o077) !== 0) throw exposed(path, 'others may use it', `chmod 0600 ${path}`);
    if (found.size > bytesMax) throw exposed(path, `it is longer than ${bytesMax} bytes`, `Look what it is: it is none of ours`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function writeBeside(path: string, text: string): Promise<string> {
  const beside = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    throw fileFault(error, 'writing', path);
  }
  return beside;
}

async function settle(path: string, beside: string, put: () => Promise<void>): Promise<void> {
  try {
    await put();
    // The name itself is on the disk only when its directory is.
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    if (systemCode(error) === 'EEXIST') throw error;
    throw fileFault(error, 'writing', path);
  }
}

function exposed(path: string, why: string, mend: string): SallyportError {
  return new SallyportError('home-exposed', `${path} is not safe: ${why}.`, { hint: mend });
}
