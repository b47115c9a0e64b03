/** What the operating system's and SQLite's errors mean to us, by their code: never by their message. */

import { SallyportError, type Code } from './errors.ts';

/** `ENOSPC`, `EACCES` …: the code of an error of the runtime, or null. */
export function systemCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

const dialMeanings: ReadonlyMap<string, Code> = new Map<string, Code>([
  ['ECONNREFUSED', 'upstream-refused'],
  // A unix socket that is not there: its program has not started.
  ['ENOENT', 'upstream-refused'],
  ['ETIMEDOUT', 'upstream-timed-out'],
  ['ECONNRESET', 'upstream-broken'],
]);

/** What a connection that could not be made says of its service. */
export function dialCode(error: unknown): Code {
  return dialMeanings.get(systemCode(error) ?? '') ?? 'upstream-unreachable';
}

/** Whether the disk (or this user's share of it) is full. */
export function isDiskFull(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

const refusals: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENAMETOOLONG']);

/**
 * Turns what happened while `doing` ("writing the log") into an error of ours: `disk-full`, `home-unwritable`,
 * or the error itself where it is neither. `path` is shown to the user.
 */
export function fileFault(error: unknown, doing: string, path: string): unknown {
  if (isDiskFull(error)) {
    return new SallyportError('disk-full', `The disk is full: ${doing} ${path} stopped.`, {
      hint: 'Free some space and try again; what was written before is still there.',
      cause: error,
    });
  }
  const code = systemCode(error);
  if (code !== null && refusals.has(code)) {
    return new SallyportError('home-unwritable', `The system refuses ${doing} ${path} (${code}).`, {
      hint: 'Make it writable for this user, or point SALLYPORT_HOME to a directory that is.',
      cause: error,
    });
  }
  return error;
}
