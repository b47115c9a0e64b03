/** Takes a backup apart into an empty folder: only names that it may hold, only bytes that its list has sworn to. */

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import { backupList, listBytesMax, listName, smallFileBytesMax, storeName, type BackupList } from './contents.ts';
import { paddingOf, readTarHeader, tarBlockBytes } from './tar-header.ts';

const chunkBytes = 1_048_576;

/** Errors: `file-missing`, `home-exposed` (others may read the file), `backup-malformed`, `disk-full`. */
export async function unpackBackup(path: string, folder: string): Promise<BackupList> {
  const file = await opened(path);
  try {
    const reader = new Reader(file);
    const first = readTarHeader(await reader.take(tarBlockBytes));
    if (first === null || first === 'end' || first.name !== listName || first.bytes > listBytesMax)
      throw malformed('it does not begin with its list');
    const list = readList(await reader.take(first.bytes));
    await reader.take(paddingOf(first.bytes));
    if (new Set(list.files.map(({ name }) => name)).size !== list.files.length) throw malformed('its list names a file twice');
    for (const each of list.files) {
      const header = readTarHeader(await reader.take(tarBlockBytes));
      if (header === null || header === 'end' || header.name !== each.name || header.bytes !== each.bytes)
        throw malformed('its files are not those of its list');
      if (each.name !== storeName && each.bytes > smallFileBytesMax) throw malformed(`${each.name} is too long for what it is`);
      await unpackOne(reader, join(folder, each.name), each);
      await reader.take(paddingOf(each.bytes));
    }
    if (readTarHeader(await reader.take(tarBlockBytes)) !== 'end') throw malformed('something follows its files');
    return list;
  } finally {
    await file.close();
  }
}

async function opened(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') throw new SallyportError('file-missing', `There is no file ${path}.`, { hint: 'Check its name.' });
    throw fileFault(error, 'reading', path);
  });
  const found = await file.stat();
  if (found.isFile() && (process.getuid === undefined || (found.mode & 0o077) === 0)) return file;
  await file.close();
  if (!found.isFile()) throw malformed('it is no file');
  throw new SallyportError('home-exposed', `Others may read ${path}, and it holds private keys.`, {
    hint: `If nobody has: chmod 0600 ${path}`,
  });
}

function readList(bytes: Buffer): BackupList {
  try {
    return backupList.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw malformed('its list cannot be read');
  }
}

async function unpackOne(reader: Reader, to: string, { name, bytes, sha256 }: BackupList['files'][number]): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const out = await open(to, 'wx', 0o600);
  const hash = createHash('sha256');
  try {
    for (let left = bytes; left > 0;) {
      const chunk = await reader.take(Math.min(left, chunkBytes));
      hash.update(chunk);
      await out.write(chunk);
      left -= chunk.length;
    }
    await out.sync();
  } catch (error) {
    throw fileFault(error, 'unpacking', to);
  } finally {
    await out.close();
  }
  if (hash.digest('hex') !== sha256) throw malformed(`${name} is damaged`);
}

class Reader {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Exactly so many bytes. */
  async take(count: number): Promise<Buffer> {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count;) {
      const { bytesRead } = await this.#file.read(bytes, at, count - at);
      if (bytesRead === 0) throw malformed('it ends too early');
      at += bytesRead;
    }
    return bytes;
  }
}

function malformed(why: string): SallyportError {
  return new SallyportError('backup-malformed', `This is no whole backup: ${why}.`, {
    hint: 'Take another copy of it; nothing was changed.',
  });
}
