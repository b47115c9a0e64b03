/** Writes a backup of a home: one file of its keys and of its store as it was at one moment. */

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdtemp, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import type { Home } from '../home.ts';
import { caName, entriesMax, isBackedUp, listName, storeName, type BackupList } from './contents.ts';
import { paddingOf, tarBlockBytes, writeTarHeader } from './tar-header.ts';

export type BackupFacts = Readonly<{ path: string; files: number; bytes: number }>;

type Source = Readonly<{ name: string; path: string }>;

/**
 * Writes it whole or not at all, 0600, and over nothing. Processes of the home may run meanwhile.
 * @param copyStore makes a copy of the running store, as of one moment, at a path where nothing is
 * Errors: `usage-wrong` (something is at `target`), `file-missing` (nothing to back up), `home-unwritable`, `disk-full`.
 */
export async function writeBackup(
  home: Home,
  options: Readonly<{ target: string; copyStore: (from: string, to: string) => Promise<void>; now: number }>,
): Promise<BackupFacts> {
  const target = resolve(options.target);
  if (await exists(target)) throw taken(target);
  // Beside the target: the copy holds secrets too, and is to lie where the owner wants them.
  const folder = await mkdtemp(join(dirname(target), '.sallyport-backup-')).catch((error: unknown) => {
    throw fileFault(error, 'writing', target);
  });
  try {
    const sources = await sourcesOf(home);
    if (!(await exists(home.store)) && sources.length === 0)
      throw new SallyportError('file-missing', `There is nothing to back up in ${home.path}.`, {
        hint: 'Set SALLYPORT_HOME to the state directory.',
      });
    if (await exists(home.store)) {
      const copy = join(folder, storeName);
      await options.copyStore(home.store, copy);
      sources.push({ name: storeName, path: copy });
    }
    const made = join(folder, `backup-${randomBytes(4).toString('hex')}`);
    const bytes = await writeArchive(made, sources, options.now);
    // A link takes no name that is there, whoever was faster.
    await link(made, target);
    return { path: target, files: sources.length, bytes };
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? taken(target) : fileFault(error, 'writing', target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sourcesOf(home: Home): Promise<Source[]> {
  const found: Source[] = [];
  for (const entry of await readdir(home.keys, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = `keys/${path.slice(home.keys.length + 1)}`;
    if (entry.isFile() && isBackedUp(name)) found.push({ name, path });
  }
  if (await exists(home.ca)) found.push({ name: caName, path: home.ca });
  if (found.length >= entriesMax)
    throw new SallyportError('home-unwritable', `${home.keys} holds more than ${entriesMax} files.`, {
      hint: 'Look what lies there: it is none of ours.',
    });
  return found;
}

async function writeArchive(path: string, sources: readonly Source[], now: number): Promise<number> {
  const files: { name: string; bytes: number; sha256: string }[] = [];
  for (const { name, path: from } of sources) files.push({ name, ...(await measured(from)) });
  const list: BackupList = { format: 'sallyport-backup-1', made: new Date(now).toISOString(), files };
  const text = Buffer.from(`${JSON.stringify(list, null, 2)}\n`);
  const mtime = Math.floor(now / 1_000);
  const file = await open(path, 'wx', 0o600);
  try {
    await file.write(
      Buffer.concat([writeTarHeader({ name: listName, bytes: text.length }, mtime), text, Buffer.alloc(paddingOf(text.length))]),
    );
    for (const [at, { name, bytes }] of files.entries()) {
      await file.write(writeTarHeader({ name, bytes }, mtime));
      await pour(file, sources[at]?.path ?? '', bytes);
    }
    await file.write(Buffer.alloc(2 * tarBlockBytes));
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function measured(path: string): Promise<Readonly<{ bytes: number; sha256: string }>> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function pour(file: FileHandle, path: string, bytes: number): Promise<void> {
  let written = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    await file.write(chunk);
    written += chunk.length;
  }
  // A key that was replaced between the two looks: the list would say what is not there.
  if (written !== bytes)
    throw new SallyportError('record-conflicted', `${basename(path)} was changed meanwhile.`, { hint: 'Run it again.' });
  await file.write(Buffer.alloc(paddingOf(bytes)));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false;
      throw fileFault(error, 'looking at', path);
    },
  );
}

function taken(target: string): SallyportError {
  return new SallyportError('usage-wrong', `There is a file at ${target} already.`, {
    hint: 'Choose another name: backups are never overwritten.',
  });
}
