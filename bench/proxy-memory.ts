/** What the processes of a bench hold in memory. */

import { readFileSync } from 'node:fs';
import type { Program } from './processes.ts';

/** Bytes that are resident, of the programs and all below them. What they share is counted for each. */
export function residentBytes(programs: readonly Program[]): number {
  return programs.reduce((sum, { child }) => sum + (child.pid === undefined ? 0 : ofTree(child.pid)), 0);
}

function ofTree(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
    const below = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
    return Number(kilobytes) * 1_024 + below.reduce((sum, each) => sum + ofTree(each), 0);
  } catch {
    // It ended between the two looks.
    return 0;
  }
}
