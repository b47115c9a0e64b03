/** Anything that goes wrong, as one sentence with the way out and an exit code. */

import { CommanderError } from 'commander';
import { SallyportError, codes } from '../core/errors.ts';
import type { Code } from '../core/errors.ts';
import { shown } from '../controlplane/records/words.ts';

export type Failure = Readonly<{ code: Code; message: string; hint: string | null; exit: number }>;

/** What the operating system says, in our words: for errors that nobody has put into words before. */
const systemWords: Readonly<Record<string, readonly [Code, string, string]>> = {
  ENOSPC: ['disk-full', 'There is no space left on the disk.', 'Make room, then try again: nothing was lost.'],
  EDQUOT: ['disk-full', 'Your quota on the disk is used up.', 'Make room, then try again: nothing was lost.'],
  EADDRINUSE: ['address-in-use', 'Another program listens on that address already.', 'Choose another port, or end that program.'],
  EADDRNOTAVAIL: [
    'address-unavailable',
    'That address is not one of this machine.',
    'Listen on 127.0.0.1, 0.0.0.0 or an address that `ip addr` shows.',
  ],
  EACCES: ['permission-missing', 'The system does not permit it.', 'For ports below 1024 see docs/errors.md, permission-missing.'],
  EPERM: ['permission-missing', 'The system does not permit it.', 'Run it as the user who owns the files.'],
  EROFS: ['home-unwritable', 'The file system can only be read.', 'Set SALLYPORT_HOME to a directory that can be written.'],
  ENOENT: ['file-missing', 'A file or directory that is needed is not there.', 'Check SALLYPORT_HOME and the paths that were given.'],
  EMFILE: ['program-failed', 'The process has no file descriptors left.', 'Raise the limit: ulimit -n 65536'],
};

/**
 * Puts any thrown value into words. Stack traces are for SALLYPORT_DEBUG only.
 * @param wayOut what somebody is told who typed words that no command takes
 */
export function failureOf(error: unknown, wayOut = 'sallyport help lists the commands.'): Failure {
  if (error instanceof SallyportError) return failure(error.code, error.message, error.hint);
  if (error instanceof CommanderError) return failure('usage-wrong', usageWords(error), wayOut);
  const system = error instanceof Error && 'code' in error && typeof error.code === 'string' ? systemWords[error.code] : undefined;
  if (system !== undefined) return failure(...system);
  const words = error instanceof Error ? error.message : String(error);
  return failure('program-failed', `Sallyport has a fault: ${words}`, 'Please report it, with what SALLYPORT_DEBUG=1 shows.');
}

function failure(code: Code, message: string, hint: string | null): Failure {
  return { code, message: shown(message), hint: hint === null ? null : shown(hint), exit: codes[code].exit ?? 70 };
}

/** `error: unknown option '--x'` → `Unknown option '--x'.` */
function usageWords({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'A word is missing: this command is one of several.';
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n');
  const meant = rest.join(' ').replace(/[()]/g, '').trim();
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1)}`.replace(/\.$/, '');
  return meant === '' ? `${sentence}.` : `${sentence}. ${meant}`;
}
