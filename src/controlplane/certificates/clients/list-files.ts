/** Files of lists of revoked certificates: read again when they change, and missed when they are gone. */

import { open, stat } from 'node:fs/promises';
import { SallyportError } from '../../../core/errors.ts';
import { systemCode } from '../../../core/system-error.ts';
import { unusable } from '../material.ts';
import { readRevocationList, type RevocationList } from './revocation-list.ts';

export type ListFilesOptions = Readonly<{
  paths: readonly string[];
  bytesMax: number;
  /** A file cannot be used: whoever is judged by it is refused from now on. Once for each mistake. */
  failed: (error: SallyportError) => void;
  /** There is another list, or none any more. */
  changed: () => void;
  /** A list is in the last fifth of its life, and no newer one has come: once for each. `at`: when it ends, milliseconds since 1970. */
  ending?: (path: string, at: number) => void;
  now: () => number;
}>;

/** So often a file that is bad is read before it counts: some programs write in place, and are half done at one moment. */
const doubtsMax = 3;
const endingShare = 1 / 5;
/** Beyond it nobody looks at them from outside: a configuration that was replaced, and is in use all the same. */
const staleMs = 5_000;

type File = {
  readonly path: string;
  mark: string;
  list: RevocationList | null;
  doubts: number;
  said: string;
  warned: RevocationList | null;
};

export class ListFiles {
  readonly #options: ListFilesOptions;
  readonly #files: readonly File[];
  #looking: Promise<void> | null = null;
  #lookedAt = 0;

  constructor(options: ListFilesOptions) {
    this.#options = options;
    this.#files = options.paths.map((path) => ({ path, mark: '', list: null, doubts: 0, said: '', warned: null }));
  }

  /** Null when one of them cannot be used: then none can, for the missing one may be the one that counts. */
  get lists(): readonly RevocationList[] | null {
    const all = this.#files.map(({ list }) => list);
    return all.every((list) => list !== null) ? all : null;
  }

  /** Reads those that were not read yet, or could not be. Errors: `file-missing`, `certificate-unusable`. */
  async load(): Promise<void> {
    for (const file of this.#files) {
      if (file.list !== null) continue;
      const mark = await markOf(file.path);
      Object.assign(file, { mark, list: await this.#read(file.path), doubts: 0, said: '' });
    }
    this.#lookedAt = performance.now();
  }

  /** For whoever is judged by them: looks if nobody did for a while, and does not wait for it. */
  freshen(): void {
    if (performance.now() - this.#lookedAt > staleMs) void this.look();
  }

  /** Looks whether one has changed. Never rejects. */
  look(): Promise<void> {
    this.#lookedAt = performance.now();
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    let changed = false;
    for (const file of this.#files) {
      changed = (await this.#again(file)) || changed;
      this.#warn(file);
    }
    if (changed) this.#options.changed();
  }

  async #again(file: File): Promise<boolean> {
    const before = file.list;
    try {
      // Whoever loads it reads it for the first time.
      if (file.mark === '') return false;
      const mark = await markOf(file.path);
      if (mark === file.mark && file.doubts === 0) return false;
      const list = await this.#read(file.path);
      Object.assign(file, { mark, list, doubts: 0, said: '' });
    } catch (error) {
      file.doubts += 1;
      if (file.doubts < doubtsMax) return false;
      file.list = null;
      this.#say(file, error);
    }
    return file.list !== before;
  }

  async #read(path: string): Promise<RevocationList> {
    try {
      return readRevocationList(await readWhole(path, this.#options.bytesMax));
    } catch (error) {
      if (error instanceof RangeError) throw unusable(path, null, error.message, listHint, error);
      throw error;
    }
  }

  /** Whoever makes lists makes the next one long before. */
  #warn(file: File): void {
    const { list } = file;
    if (list === null || list === file.warned) return;
    const { thisUpdate, nextUpdate } = list;
    if (nextUpdate - this.#options.now() >= (nextUpdate - thisUpdate) * endingShare) return;
    file.warned = list;
    this.#options.ending?.(file.path, nextUpdate);
  }

  #say(file: File, error: unknown): void {
    const told = error instanceof SallyportError ? error : missing(error, file.path);
    if (told.message === file.said) return;
    file.said = told.message;
    this.#options.failed(told);
  }
}

const listHint = 'It must be one whole list of one authority (CRL, PEM or DER): openssl ca -gencrl.';

/** Changes with the file. */
async function markOf(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return [mtimeMs, ctimeMs, size, ino].join();
  } catch (error) {
    throw missing(error, path);
  }
}

async function readWhole(path: string, bytesMax: number): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new RangeError('it is no file');
      if (found.size > bytesMax) throw new RangeError(`it is longer than ${bytesMax} bytes`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof RangeError ? error : missing(error, path);
  }
}

function missing(error: unknown, path: string): SallyportError {
  return new SallyportError('file-missing', `The file ${path}, which crl: names, cannot be read (${systemCode(error) ?? 'unknown'}).`, {
    cause: error,
    hint: 'Without the list of revoked certificates nobody is let in by one.',
  });
}
