/** Reads the records that running processes write: the last ones, and those to come, over every rotation. */

import { constants } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { codes, type Code } from '../../core/errors.ts';
import type { AuditEvent } from '../../core/audit/event.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';

/** One line of the log. */
export type Recorded = Readonly<{ is: 'event'; event: AuditEvent }> | Readonly<{ is: 'dropped'; time: string; count: number }>;

/** How often a file is looked at that somebody follows. */
const lookMs = 200;
const chunkBytes = 65_536;
/** A line of ours has some 20 KB at most; what is longer is none. */
const lineBytesMax = 131_072;

const text = z.string();
const words = text.nullable();
const amount = z.number().nonnegative();
const isCode = (code: string): code is Code => Object.hasOwn(codes, code);
const event = z.object({
  time: text,
  id: text,
  service: words,
  listener: text,
  visitor: text,
  viaRelay: z.boolean(),
  who: words,
  certificate: text.optional(),
  method: words,
  host: words,
  path: words,
  verdict: z.enum(['pass', 'refuse', 'fail']),
  // A newer Sallyport may know more codes: shown as none.
  code: words.transform((code) => (code !== null && isCode(code) ? code : null)),
  why: words,
  status: z.number().nullable(),
  bytesIn: amount,
  bytesOut: amount,
  durationMs: z.number(),
});
const dropped = z.object({ time: text, dropped: amount });

/** Null for what is no line of ours: the half of one that a full disk left, or anybody's. */
export function parseRecord(line: string): Recorded | null {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    return null;
  }
  const found = event.safeParse(read);
  if (found.success) return { is: 'event', event: found.data };
  const lost = dropped.safeParse(read);
  return lost.success ? { is: 'dropped', time: lost.data.time, count: lost.data.dropped } : null;
}

/** The last `count` records of the file at `path` and its older parts, the oldest first. Errors: `home-unwritable`. */
export async function lastRecords(path: string, count: number): Promise<readonly Recorded[]> {
  const found: Recorded[] = [];
  for (const part of await partsOf(path)) {
    if (found.length >= count) break;
    const file = await openToRead(part);
    if (file === null) continue;
    try {
      found.unshift(...(await tailOf(file, count - found.length)));
    } finally {
      await file.close();
    }
  }
  return found;
}

/**
 * Records written from now on, until `signal` is aborted. A file that was rotated is read to its end before the next.
 * `last` first gives so many that are there already.
 */
export async function* followRecords(
  path: string,
  options: { readonly last: number; readonly signal: AbortSignal },
): AsyncGenerator<Recorded> {
  let file = await openToRead(path);
  let at = file === null ? 0 : (await file.stat()).size;
  yield* options.last > 0 ? await lastRecords(path, options.last) : [];
  let rest = '';
  try {
    while (!options.signal.aborted) {
      file ??= await openToRead(path);
      const rotated = file !== null && (await isAnother(file, path));
      if (file !== null) {
        for (let chunk = await readAt(file, at); chunk.length > 0; chunk = await readAt(file, at)) {
          at += chunk.length;
          const lines = (rest + chunk.toString('latin1')).split('\n');
          rest = (lines.pop() ?? '').slice(-lineBytesMax);
          yield* lines.map(parseRecord).filter((record) => record !== null);
        }
      }
      if (rotated) {
        await file?.close();
        [file, at, rest] = [null, 0, ''];
      } else await pause(lookMs, undefined, { signal: options.signal }).catch(() => undefined);
    }
  } finally {
    await file?.close();
  }
}

/** The file itself and its older parts, the newest first. */
async function partsOf(path: string): Promise<readonly string[]> {
  const [stem = '', end = ''] = basename(path).split(/(\.[^.]*)$/);
  const names = await readdir(dirname(path)).catch(() => []);
  const numbers = names.flatMap((name) => {
    const number = name.startsWith(`${stem}.`) && name.endsWith(end) ? name.slice(stem.length + 1, -end.length) : '';
    return /^[1-9]\d{0,3}$/.test(number) ? [Number(number)] : [];
  });
  return [path, ...numbers.toSorted((one, other) => one - other).map((number) => join(dirname(path), `${stem}.${number}${end}`))];
}

async function openToRead(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw fileFault(error, 'reading', path);
  }
}

/** Backwards in pieces, so that a long log costs no more than what is asked for. */
async function tailOf(file: FileHandle, count: number): Promise<readonly Recorded[]> {
  let start = (await file.stat()).size;
  let text = '';
  const found: Recorded[] = [];
  while (start > 0 && found.length < count) {
    const from = Math.max(0, start - chunkBytes);
    const chunk = Buffer.alloc(start - from);
    const { bytesRead } = await file.read(chunk, 0, chunk.length, from);
    const lines = (chunk.toString('latin1', 0, bytesRead) + text).split('\n');
    // The first may be the end of a line that begins in the piece before.
    text = (from > 0 ? (lines.shift() ?? '') : '').slice(-lineBytesMax);
    found.unshift(...lines.map(parseRecord).filter((record) => record !== null));
    start = from;
  }
  return found.slice(-count);
}

async function readAt(file: FileHandle, at: number): Promise<Buffer> {
  const chunk = Buffer.alloc(chunkBytes);
  const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
  return chunk.subarray(0, bytesRead);
}

async function isAnother(file: FileHandle, path: string): Promise<boolean> {
  const [here, there] = [await file.stat(), await stat(path).catch(() => null)];
  return there === null || there.ino !== here.ino;
}
