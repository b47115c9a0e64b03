/** The certificates that the configuration names: read whole or not at all, and again when their files change. */

import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { CertificateSource, Material } from '../../contracts/certificate.ts';
import type { Closable } from '../../contracts/stream.ts';
import { SallyportError } from '../../core/errors.ts';
import { foldersOf, readFolder } from './folder.ts';
import { makeMaterial, unusable } from './material.ts';
import { readKeyFile, readPemFile } from './own-files.ts';

/** A pair of files, or a path: of a file that holds both, or of a folder of pairs. Paths are absolute. */
export type CertificateEntry =
  | Readonly<{ is: 'pair'; cert: string; key: string; isDefault?: true }>
  | Readonly<{ is: 'path'; path: string }>;

export interface CertificateFiles extends CertificateSource, Closable {
  /**
   * From now on these. Whole or not at all; the same as before is not read again, so that nothing else waits for them.
   * Returns how to go back. Errors: `certificate-unusable`, `file-missing`, `config-unsafe`, `home-unwritable`.
   */
  use(entries: readonly CertificateEntry[]): Promise<() => void>;
}

export type CertificateFilesOptions = Readonly<{
  now: () => number;
  filesMax: number;
  /** The files have changed, and cannot be used: what was there before goes on. Once for each mistake. */
  failed: (error: unknown) => void;
  /** How long a burst of changes is waited for. */
  quietMs?: number;
  /** How often they are looked at where the system tells of no changes: on a network's disk. */
  lookMs?: number;
}>;

/** So often files that do not fit are read before that is said: some programs write the key a while after the certificate. */
const doubtsMax = 5;

type InUse = Readonly<{ entries: readonly CertificateEntry[]; materials: readonly Material[] }>;
const nothing: InUse = { entries: [], materials: [] };

export function openCertificateFiles(options: CertificateFilesOptions): CertificateFiles {
  return new Files(options);
}

class Files implements CertificateFiles {
  readonly #options: CertificateFilesOptions;
  readonly #listeners = new Set<() => void>();
  #inUse = nothing;
  #watchers: readonly FSWatcher[] = [];
  #waiting: NodeJS.Timeout | null = null;
  #looking: NodeJS.Timeout | null = null;
  #said: string | null = null;
  #doubts = 0;
  #closed = false;

  constructor(options: CertificateFilesOptions) {
    this.#options = options;
  }

  current(): readonly Material[] {
    return this.#inUse.materials;
  }

  watch(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  async use(entries: readonly CertificateEntry[]): Promise<() => void> {
    const before = this.#inUse;
    if (JSON.stringify(entries) === JSON.stringify(before.entries)) {
      if (entries.length > 0) this.#wait();
      return () => undefined;
    }
    this.#inUse = { entries, materials: await this.#read(entries) };
    this.#said = null;
    await this.#attend();
    return () => {
      this.#inUse = before;
      void this.#attend();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#inUse = nothing;
    await this.#attend();
  }

  /** The same object where nothing has changed. */
  async #read(entries: readonly CertificateEntry[]): Promise<readonly Material[]> {
    const found = await readCertificates(entries, this.#options);
    const known = this.#inUse.materials;
    return found.map(
      (each) => known.find((old) => old.chain === each.chain && old.key === each.key && old.isDefault === each.isDefault) ?? each,
    );
  }

  /** Watches the folders of what is in use: programs put a new file in the place of the old one. */
  async #attend(): Promise<void> {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    if (this.#looking !== null) clearInterval(this.#looking);
    this.#waiting = this.#looking = null;
    const { entries } = this.#inUse;
    if (this.#closed || entries.length === 0) return;
    const places = (await Promise.all(entries.map(placesOf))).flat();
    // Another configuration came while the folders were listed: it attends to its own.
    if (this.#closed || this.#inUse.entries !== entries || this.#watchers.length > 0) return;
    this.#watchers = places.flatMap((place) => this.#watcher(place));
    this.#looking = setInterval(() => this.#wait(), this.#options.lookMs ?? 300_000).unref();
  }

  /** A folder that cannot be watched is looked at from time to time. */
  #watcher({ folder, name }: WatchedPlace): readonly FSWatcher[] {
    try {
      const watcher = watch(folder, { persistent: false }, (_kind, changed) => {
        // Kubernetes swaps a link beside the files, and some systems give no name.
        if (name === null || changed === null || changed === name || changed.startsWith('..')) this.#wait();
      });
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  }

  #wait(): void {
    this.#waiting ??= setTimeout(() => void this.#look(), this.#options.quietMs ?? 500).unref();
  }

  /** A certificate and its key come one after the other: what does not fit is looked at again before it is said. */
  async #look(): Promise<void> {
    this.#waiting = null;
    const { entries, materials } = this.#inUse;
    let next: readonly Material[];
    try {
      next = await this.#read(entries);
    } catch (error) {
      if (this.#closed || this.#inUse.entries !== entries) return;
      this.#doubts += 1;
      if (this.#doubts < doubtsMax) this.#wait();
      else this.#say(error);
      return;
    }
    if (this.#closed || this.#inUse.entries !== entries) return;
    this.#said = null;
    this.#doubts = 0;
    if (next.length === materials.length && next.every((each, at) => each === materials[at])) return;
    this.#inUse = { entries, materials: next };
    // A folder for a new name may have come.
    await this.#attend();
    for (const changed of this.#listeners) changed();
  }

  #say(error: unknown): void {
    const words = error instanceof SallyportError ? error.message : String(error);
    if (words === this.#said) return;
    this.#said = words;
    this.#options.failed(error);
  }
}

/** Reads and checks all of them, once. Errors: as `CertificateFiles.use`. */
export async function readCertificates(
  entries: readonly CertificateEntry[],
  { now, filesMax }: Pick<CertificateFilesOptions, 'now' | 'filesMax'>,
): Promise<readonly Material[]> {
  const found: Material[] = [];
  for (const entry of entries) found.push(...(await readEntry(entry, now(), filesMax)));
  if (found.length > filesMax) throw unusable('certificates', null, `${found.length} are named`, `At most ${filesMax} are taken.`);
  return found;
}

async function readEntry(entry: CertificateEntry, now: number, filesMax: number): Promise<readonly Material[]> {
  if (entry.is === 'pair') {
    const [chain, key] = [await readPemFile(entry.cert), await readKeyFile(entry.key)];
    const made = makeMaterial(chain, key, now);
    return [entry.isDefault === true ? Object.freeze({ ...made, isDefault: true }) : made];
  }
  if (await isFolder(entry.path)) return readFolder(entry.path, now, filesMax);
  const both = await readKeyFile(entry.path);
  return [makeMaterial(both, both, now)];
}

/** Where a change shows; `name` where only one entry of the folder is ours. */
type WatchedPlace = Readonly<{ folder: string; name: string | null }>;

/** Where a path is itself a link, a new one takes its place in the folder that holds it. */
async function placesOf(entry: CertificateEntry): Promise<readonly WatchedPlace[]> {
  if (entry.is === 'pair') return [ownPlace(entry.cert), ownPlace(entry.key)];
  if (!(await isFolder(entry.path))) return [ownPlace(entry.path)];
  const folders = await foldersOf(entry.path).catch(() => [entry.path]);
  return [ownPlace(entry.path), ...folders.map((folder) => ({ folder, name: null }))];
}

function ownPlace(path: string): WatchedPlace {
  return { folder: dirname(path), name: basename(path) };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}
