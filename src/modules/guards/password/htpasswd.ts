/** Users of an htpasswd file, which is read again when it changes. A broken one keeps the users of before, and says so. */

import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Tools, User } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import { systemCode } from '../../../core/system-error.ts';
import { readHtpasswd, type HtpasswdLine } from './htpasswd-file.ts';
import type { UserSource } from './source.ts';

/** Ten thousand users have some 800 KB. */
const fileBytesMax = 1_048_576;
/** A look at the file's time costs microseconds; more often nobody types. */
const lookMs = 1_000;

type Read = Readonly<{ mark: string; lines: readonly HtpasswdLine[]; users: ReadonlyMap<string, User> }>;

export type HtpasswdTools = Pick<Tools, 'now' | 'limits' | 'trouble'>;

export class Htpasswd implements UserSource {
  readonly #path: string;
  readonly #tools: HtpasswdTools;
  #read: Read;
  #looked: number;
  /** The mark of a file that was told to be broken: it is told once. */
  #broken: string | null = null;

  /** Errors: `file-missing`; `config-malformed` with the line, and why. */
  constructor(path: string, tools: HtpasswdTools) {
    this.#path = path;
    this.#tools = tools;
    this.#read = readFile(path, tools);
    this.#looked = tools.now();
  }

  find(name: string): User | null {
    this.#look();
    return this.#read.users.get(name) ?? null;
  }

  /**
   * What somebody who is not in the file is checked against: the form of some user's, always the same one's for a name, so
   * that the time of an answer is one of those that the file gives.
   */
  standIn(name: string): string {
    this.#look();
    const { lines } = this.#read;
    const drawn = hash('sha256', `${this.#path}\0${name}`, 'buffer');
    return withoutSecret(lines[drawn.readUInt32BE(0) % lines.length]?.hash ?? '');
  }

  /** Whoever is gone or has another hash is so from the next look on. */
  #look(): void {
    const now = this.#tools.now();
    // A clock that was set back is no reason to wait.
    if (Math.abs(now - this.#looked) < lookMs) return;
    this.#looked = now;
    let mark = 'away';
    try {
      mark = markOf(this.#path);
      if (mark === this.#read.mark) {
        this.#broken = null;
        return;
      }
      if (mark === this.#broken) return;
      this.#read = readFile(this.#path, this.#tools);
      this.#broken = null;
    } catch (error) {
      if (this.#broken === mark) return;
      this.#broken = mark;
      const why = error instanceof SallyportError ? error.message : `${this.#path} cannot be read.`;
      this.#tools.trouble?.(
        new SallyportError('config-malformed', why, { hint: 'The users of before stay until it is mended.', cause: error }),
      );
    }
  }
}

/** Which file it is, how long and of when. */
function markOf(path: string): string {
  return withFile(path, (descriptor) => {
    const { dev, ino, size, mtimeMs, ctimeMs } = fstatSync(descriptor);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  });
}

function readFile(path: string, { limits }: HtpasswdTools): Read {
  const mark = markOf(path);
  const text = withFile(path, (descriptor) => {
    const bytes = Buffer.alloc(fileBytesMax + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (length > fileBytesMax) throw new SallyportError('config-malformed', `${path} is longer than ${fileBytesMax} bytes.`);
    return bytes.toString('utf8', 0, length);
  });
  const found = readHtpasswd(text, limits.usersMax);
  if (!found.ok) throw new SallyportError('config-malformed', `${path}, line ${found.line}: ${found.why}.`);
  return { mark, lines: found.lines, users: new Map(found.lines.map((line) => [line.name, userOf(line)])) };
}

/** Errors: `file-missing`, `config-malformed` for what is no file. */
function withFile<Result>(path: string, work: (descriptor: number) => Result): Result {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
    if (!fstatSync(descriptor).isFile()) throw new SallyportError('config-malformed', `${path} is no file.`);
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    throw new SallyportError('file-missing', `${path}, which holds users, cannot be read: ${systemCode(error) ?? 'unknown'}.`, {
      cause: error,
    });
  }
  try {
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Another hash is another revision: it ends sessions, and what was remembered of the old one. */
function userOf({ name, hash: kept }: HtpasswdLine): User {
  const revision = hash('sha256', kept, 'buffer').readUIntBE(0, 6);
  return { name, hash: kept, roles: [], revision, createdAt: 0 };
}

/** The same form and cost, with a salt and a tag that nobody's password gives. */
function withoutSecret(kept: string): string {
  const parts = kept.split('$');
  const last = parts.pop() ?? '';
  // bcrypt: 22 characters of salt, 31 of tag, all in one; argon2: the tag alone is the last.
  const fixed = '.'.repeat(last.length);
  return [...parts, kept.startsWith('$2') ? fixed : 'A'.repeat(last.length)].join('$');
}
