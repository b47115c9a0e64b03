/** A folder of files, served read-only: nothing hidden, nothing outside, no matter how it is asked for. */

import { realpathSync, statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { SallyportError } from '../../core/errors.ts';
import { httpDateText, whatIsDue, type Due, type Stored } from '../../core/http/conditional.ts';
import { mediaType } from '../../core/http/media-type.ts';
import type { RequestHead } from '../../core/http/head.ts';
import { errorReply } from '../../core/pages/error.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { defineUpstream, type Caller, type Opened } from '../../contracts/upstream.ts';
import { listing } from './folder/listing.ts';
import { locate, type Located } from './folder/locate.ts';
import { requestPath, type RequestPath } from './folder/request-path.ts';

const options = z.strictObject({
  path: z.string().refine(isAbsolute, 'an absolute path'),
  /** Whether a folder without index.html is listed. */
  indexes: z.boolean(),
});

/** A file up to this is read at once, a longer one in pieces of it. */
const pieceBytes = 131_072;

type Served = Readonly<{ exchange: Exchange; http: RequestHead; caller: Caller }>;

/** Errors of `build`: `file-missing` when the folder is not there. */
export const folder = defineUpstream({
  name: 'folder',
  options,
  build: ({ path, indexes }) => {
    const root = rootOf(path);
    return {
      open: async (exchange, caller) => {
        const { http } = exchange;
        if (http === null) return missing(exchange);
        if (http.method !== 'GET' && http.method !== 'HEAD') return wrongMethod(http.method);
        const asked = requestPath(http.target);
        const found = asked === null ? null : await locate(root, asked.relative);
        if (asked === null || found === null) return missing(exchange);
        const served = { exchange, http, caller };
        if (found.is === 'folder') return folderReply(root, asked, found.path, served, indexes);
        // `/a.txt/`: a file is no folder, and a page there would resolve its references elsewhere.
        if (asked.folder) return closed(found.handle, missing(exchange));
        return fileReply(found, asked.name, served);
      },
      words: `folder ${path}`,
      close: async () => {},
    };
  },
});

function rootOf(path: string): string {
  try {
    const root = realpathSync.native(path);
    if (statSync(root).isDirectory()) return root;
  } catch (cause) {
    throw noFolder(path, cause);
  }
  throw noFolder(path);
}

function noFolder(path: string, cause?: unknown): SallyportError {
  return new SallyportError('file-missing', `There is no folder ${path} that can be read.`, {
    hint: 'Check the path and its rights.',
    cause,
  });
}

async function folderReply(root: string, asked: RequestPath, real: string, served: Served, indexes: boolean): Promise<Opened> {
  if (!asked.folder) return { is: 'reply', reply: toFolder(asked.name, served.http.target) };
  const index = await locate(root, join(asked.relative, 'index.html'));
  if (index?.is === 'file') return fileReply(index, 'index.html', served);
  if (!indexes) return missing(served.exchange);
  const title = `/${asked.relative.replaceAll('\\', '/')}${asked.relative === '' ? '' : '/'}`;
  // What cannot be listed is not there: it was removed, or we may not read it.
  const list = await listing(root, real, { exchange: served.exchange, title }).catch(() => null);
  return list === null ? missing(served.exchange) : { is: 'reply', reply: list };
}

/** A relative reference: whatever the path holds, it cannot lead to another host (`//evil`). */
function toFolder(name: string, target: string) {
  const query = target.indexOf('?');
  const to = `./${encodeURIComponent(name)}/${query === -1 ? '' : target.slice(query)}`;
  return {
    status: 301,
    fields: [
      ['Location', to],
      ['Cache-Control', 'no-store'],
    ] as const,
    body: null,
  };
}

async function fileReply({ handle, stats }: Extract<Located, { is: 'file' }>, name: string, { http, caller }: Served): Promise<Opened> {
  const stored: Stored = {
    // The change time moves with every write, in nanoseconds: equal tags are equal bytes.
    etag: `"${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.ctimeNs.toString(36)}-${stats.mtimeNs.toString(36)}"`,
    modified: Number(stats.mtimeNs / 1_000_000_000n),
    length: Number(stats.size),
  };
  const due = whatIsDue(http.method, http.fields, stored);
  const head = headOf(due, stored, name);
  switch (due.is) {
    case 'unchanged':
    case 'changed':
    case 'outside':
      return closed(handle, { is: 'reply', reply: { ...head, body: null } });
    case 'whole':
    case 'part': {
      const [first, length] = due.is === 'part' ? [due.first, due.last - due.first + 1] : [0, stored.length];
      if (http.method === 'HEAD' || length === 0) return closed(handle, { is: 'reply', reply: { ...head, body: null }, length });
      if (length <= pieceBytes) return { is: 'reply', reply: { ...head, body: await whole(handle, first, length) } };
      // Whoever goes away before the first piece would leave the file open, and who has gone already hears of nothing.
      const { signal } = caller;
      if (signal.aborted) return closed(handle, { is: 'reply', reply: { ...head, body: null } });
      signal.addEventListener('abort', () => void handle.close().catch(() => undefined), { once: true });
      return { is: 'reply', reply: { ...head, body: null }, body: pieces(handle, first, length), length };
    }
    default:
      return due satisfies never;
  }
}

function headOf(due: Due, stored: Stored, name: string): Readonly<{ status: number; fields: readonly (readonly [string, string])[] }> {
  const validators = [
    ['ETag', stored.etag],
    ['Last-Modified', httpDateText(stored.modified)],
    // Asked again each time: the file may change, and a cache on the way must not keep what a guard let through.
    ['Cache-Control', 'private, no-cache'],
  ] as const;
  const nosniff = ['X-Content-Type-Options', 'nosniff'] as const;
  const content = [['Content-Type', mediaType(name)], nosniff, ['Accept-Ranges', 'bytes'], ...validators] as const;
  switch (due.is) {
    case 'whole':
      return { status: 200, fields: content };
    case 'part':
      return { status: 206, fields: [...content, ['Content-Range', `bytes ${due.first}-${due.last}/${stored.length}`]] };
    case 'unchanged':
      return { status: 304, fields: validators };
    case 'changed':
      return { status: 412, fields: [nosniff] };
    case 'outside':
      return { status: 416, fields: [nosniff, ['Content-Range', `bytes */${stored.length}`]] };
    default:
      return due satisfies never;
  }
}

/** Closes the file. */
async function whole(handle: FileHandle, first: number, length: number): Promise<Uint8Array> {
  try {
    const bytes = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, first + filled);
      // Cut meanwhile: what was announced cannot be sent.
      if (bytesRead === 0) throw new SallyportError('upstream-broken', 'The file became shorter while it was read.');
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Ends early when the file became shorter: the reader sees that the length is not met. */
async function* pieces(handle: FileHandle, first: number, length: number): AsyncGenerator<Uint8Array> {
  try {
    for (let sent = 0; sent < length;) {
      const bytes = Buffer.allocUnsafe(Math.min(pieceBytes, length - sent));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, first + sent);
      if (bytesRead === 0) return;
      sent += bytesRead;
      yield bytes.subarray(0, bytesRead);
    }
  } finally {
    await handle.close().catch(() => undefined);
  }
}

async function closed(handle: FileHandle, opened: Opened): Promise<Opened> {
  await handle.close();
  return opened;
}

function missing(exchange: Exchange): Opened {
  return { is: 'reply', reply: errorReply(exchange, 'file-missing') };
}

function wrongMethod(method: string): Opened {
  const body = `${method.slice(0, 40)} is not for files: GET and HEAD are.\n`;
  const fields = [
    ['Allow', 'GET, HEAD'],
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['X-Content-Type-Options', 'nosniff'],
  ] as const;
  return { is: 'reply', reply: { status: 405, fields, body } };
}
