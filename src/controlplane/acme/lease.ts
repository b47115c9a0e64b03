/** One of several does it: a record that only one can make, which goes away by itself when its holder does. */

import { randomBytes } from 'node:crypto';
import type { Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';

/**
 * Runs `work` while we hold the lease `key`; null, without running it, when somebody else does.
 * The lease is put anew three times in its life. When that does not succeed the signal ends the work: another may have begun.
 * Errors: those of `work` and of the store.
 */
export async function underLease<Result>(
  records: Records,
  lease: Readonly<{ key: string; ttlMs: number }>,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | null> {
  const { key, ttlMs } = lease;
  const holder = randomBytes(8).toString('hex');
  let version: number;
  try {
    ({ version } = await records.put(key, holder, { ifVersion: 0, ttlMs }));
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'record-conflicted') return null;
    throw error;
  }
  const lost = new AbortController();
  const prolong = async (): Promise<void> => {
    try {
      ({ version } = await records.put(key, holder, { ifVersion: version, ttlMs }));
    } catch (error) {
      lost.abort(error);
    }
  };
  const timer = setInterval(() => void prolong(), ttlMs / 3);
  timer.unref();
  try {
    return await work(lost.signal);
  } finally {
    clearInterval(timer);
    // Only ours: who took over meanwhile keeps theirs.
    await records.delete(key, { ifVersion: version }).catch(() => undefined);
  }
}
