/** Tells when a configuration file says something new: by its folder, for editors replace files instead of writing into them. */

import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

export type WatchOptions = Readonly<{
  path: string;
  /** What the file says now: the same again is no change. */
  text: string;
  changed: () => void;
  /** How long a burst of changes is waited for; an editor makes several. */
  quietMs?: number;
}>;

/** Returns how to stop. A file that goes away is no change: what runs stays. */
export function watchConfig({ path, text, changed, quietMs = 100 }: WatchOptions): () => void {
  let known = digestOf(text);
  let waiting: NodeJS.Timeout | null = null;
  let stopped = false;

  const look = async (): Promise<void> => {
    waiting = null;
    // Half-written or gone: the next event of the folder leads here again.
    const now = await readFile(path, 'utf8').catch(() => null);
    if (stopped || now === null || digestOf(now) === known) return;
    known = digestOf(now);
    changed();
  };
  const watcher = watch(dirname(path), { persistent: false }, (_kind, name) => {
    // Kubernetes swaps a link beside the file, and some systems give no name.
    if (stopped || (name !== null && name !== basename(path) && !name.startsWith('..'))) return;
    if (waiting !== null) clearTimeout(waiting);
    waiting = setTimeout(() => void look(), quietMs);
  });
  // A folder that is removed ends the watch; SIGHUP and `reload` still read the file.
  watcher.on('error', () => watcher.close());
  return () => {
    stopped = true;
    if (waiting !== null) clearTimeout(waiting);
    watcher.close();
  };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
