/** Looks for bytes in the memory of a running process, as its administrator could. Linux, as root. */

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const pieceBytes = 4_194_304;

/** A reason to leave a test out, or false. */
export const withoutMemory: string | false =
  process.platform === 'linux' && canRead() ? false : 'not run: the memory of other processes cannot be read here';

/** How often each of the needles stands in what the process may write to: heap, stacks, buffers. Also how many bytes were looked at. */
export function searchMemory(pid: number, needles: readonly Uint8Array[]): Readonly<{ found: readonly number[]; bytes: number }> {
  const overlap = Math.max(...needles.map(({ length }) => length)) - 1;
  const found = needles.map(() => 0);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const piece = Buffer.alloc(pieceBytes);
  let bytes = 0;
  try {
    for (const [start, end] of writableMaps(pid)) {
      for (let at = start; at < end; at += BigInt(pieceBytes - overlap)) {
        const wanted = Number(end - at < BigInt(pieceBytes) ? end - at : BigInt(pieceBytes));
        const length = readAt(memory, piece, wanted, at);
        bytes += length;
        needles.forEach((needle, index) => (found[index]! += occurrences(piece.subarray(0, length), needle)));
        if (wanted < pieceBytes) break;
      }
    }
  } finally {
    closeSync(memory);
  }
  return { found, bytes };
}

function writableMaps(pid: number): readonly (readonly [bigint, bigint])[] {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm);
  return [...maps].map(([, start, end]) => [BigInt(`0x${start}`), BigInt(`0x${end}`)] as const);
}

/** A map may have gone meanwhile. */
function readAt(memory: number, piece: Buffer, length: number, at: bigint): number {
  try {
    return readSync(memory, piece, 0, length, at);
  } catch {
    return 0;
  }
}

function occurrences(bytes: Buffer, needle: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) count += 1;
  return count;
}

function canRead(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    closeSync(openSync('/proc/self/mem', 'r'));
    return true;
  } catch {
    return false;
  }
}
