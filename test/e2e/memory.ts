/** What the system says of a process: its memory and its open files. Linux only. */

import { readdirSync, readFileSync } from 'node:fs';

/** A reason to leave a test out, or false. */
export const withoutProc: string | false = process.platform === 'linux' ? false : 'not run: no /proc on this system';

/** The most that stood in memory at once so far, in bytes. */
export function peakBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM');
}

/** What stands in memory now, in bytes. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS');
}

/** How many files and sockets are open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function statusBytes(pid: number, key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (found === null) throw new Error(`there is no ${key} of ${pid}`);
  return Number(found[1]) * 1_024;
}
