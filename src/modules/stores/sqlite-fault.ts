/** What SQLite's result codes mean to us. */

import { SallyportError } from '../../core/errors.ts';

type SqliteError = Error & { readonly errcode: number };

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

/** SQLITE_BUSY and SQLITE_LOCKED in all their extended forms: another connection holds it, for a moment. */
export function isStoreBusy(error: unknown): boolean {
  if (!isSqliteError(error)) return false;
  const code = error.errcode & 0xff;
  return code === 5 || code === 6;
}

/** Turns SQLite's errors into ours: `disk-full` or `store-unavailable`; others stay what they are. */
export function storeFault(error: unknown, path: string): unknown {
  if (!isSqliteError(error)) return error;
  // SQLITE_FULL; SQLITE_IOERR_SHMSIZE is what a full disk says when the shared index cannot grow.
  if ((error.errcode & 0xff) === 13 || error.errcode === 4874) {
    return new SallyportError('disk-full', `The disk is full: ${path} cannot grow.`, {
      hint: 'Free some space and try again; nothing that was confirmed is lost.',
      cause: error,
    });
  }
  return storeUnavailable(path, isStoreBusy(error) ? 'other processes hold it' : `SQLite says "${error.message}"`, error);
}

export function storeUnavailable(path: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('store-unavailable', `The store ${path} cannot be used: ${why}.`, {
    hint: 'Try again; if it stays so, move the file away or restore a backup.',
    cause,
  });
}
