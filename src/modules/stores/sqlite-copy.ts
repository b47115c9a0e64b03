/** A copy of the embedded store as it is at one moment, while others write to it. */

import { DatabaseSync } from 'node:sqlite';
import { storeFault } from './sqlite-fault.ts';

/** A command of its own waits as long as this for a lock; no gateway's event loop stands still for it. */
const busyMs = 5_000;

/**
 * Writes the copy to `to`, where nothing may be; its folder's mode guards it. What was deleted is not in it.
 * Errors: `store-unavailable`, `disk-full`.
 */
export async function copySqliteStore(from: string, to: string): Promise<void> {
  try {
    const db = new DatabaseSync(from, { readOnly: true, timeout: busyMs, allowExtension: false });
    try {
      // One read transaction: in WAL mode writers go on meanwhile.
      db.prepare('VACUUM INTO ?').run(to);
    } finally {
      db.close();
    }
  } catch (error) {
    throw storeFault(error, from);
  }
  return Promise.resolve();
}
