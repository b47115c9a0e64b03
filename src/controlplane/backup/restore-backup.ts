/** Puts a backup into a home: all of it or nothing, never under a running process, never over what is there unless that is meant. */

import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import { callControl } from '../api/call.ts';
import type { Home } from '../home.ts';
import { caName, storeName } from './contents.ts';
import { unpackBackup } from './read-backup.ts';

/** `replaced`: the folder in which the state lies that was there before, or null. */
export type RestoreFacts = Readonly<{ files: number; made: string; replaced: string | null }>;

export type RestoreOptions = Readonly<{
  source: string;
  /** What is there is put aside. */
  force: boolean;
  /** Opens the unpacked store and closes it: throws for what is none of ours. */
  checkStore: (path: string) => Promise<void>;
  /** Milliseconds since 1970. */
  now: number;
}>;

/** Errors: `home-occupied`, those of `unpackBackup` and of `checkStore`. Whatever failed, the home is as it was. */
export async function restoreBackup(home: Home, { source, force, checkStore, now }: RestoreOptions): Promise<RestoreFacts> {
  if ((await callControl(home, 'status', {})).length > 0)
    throw new SallyportError('home-occupied', `A process runs with the state directory ${home.path}.`, {
      hint: 'End it first: sallyport status lists what runs.',
    });
  const there = await stateIn(home);
  if (there.length > 0 && !force)
    throw new SallyportError('home-occupied', `The state directory ${home.path} is not empty.`, {
      hint: 'Set SALLYPORT_HOME to another one, or say --force: what is there is put aside.',
    });
  const fresh = await mkdtemp(join(home.path, 'restore-'));
  try {
    const list = await unpackBackup(source, fresh);
    if (list.files.some(({ name }) => name === storeName)) await checkStore(join(fresh, storeName));
    const aside = there.length === 0 ? null : join(home.path, `replaced-${new Date(now).toISOString().replaceAll(':', '')}`);
    if (aside !== null) await move(home.path, aside, there);
    try {
      await move(fresh, home.path, await namesIn(fresh));
    } catch (error) {
      if (aside !== null) await move(aside, home.path, there);
      throw error;
    }
    return { files: list.files.length, made: list.made, replaced: aside };
  } catch (error) {
    throw fileFault(error, 'restoring', home.path);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** What a restore would replace, as paths below the home. */
async function stateIn(home: Home): Promise<readonly string[]> {
  const keys = (await readdir(home.keys)).map((name) => join('keys', name));
  const beside = (await readdir(home.path)).filter((name) => name === caName || name.startsWith(storeName));
  return [...keys, ...beside];
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  return names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

async function move(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(to, name)), { recursive: true, mode: 0o700 });
    // What a connection to the store leaves beside it may go by itself.
    await rename(join(from, name), join(to, name)).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT' || !name.startsWith(`${storeName}-`)) throw error;
    });
  }
}
