/** Reads the heads of a service's answers: a service is an attacker too. */

import type { Latin1 } from '../bytes.ts';
import { type Fault, fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { readConnection } from './connection.ts';
import { fieldName } from './field-names.ts';
import { type Field, lineOf } from './fields.ts';
import { none, readFraming } from './framing.ts';
import type { Framing, ResponseHead } from './head.ts';
import { HeadScanner } from './head-scanner.ts';
import type { HeadStep } from './request-reader.ts';

export type ResponseReaderOptions = Readonly<{ limits: Limits; latin1: Latin1 }>;

/** What the fields of a response say about the message. */
type Said = { contentLength: string | null; transferEncoding: string | null; connection: string | null; upgrade: string | null };

/**
 * A reader for one connection to a service. Say the method of each request with `expect` before its answer is read;
 * what comes unasked is refused (RFC 9112, 9.3: an answer in the queue would go to the wrong visitor).
 * Interim answers (1xx) come out as heads too, at most `interimResponsesMax` before the final one.
 * That 101 was asked for is the caller's to check. The only fault is `response-malformed`.
 */
export class ResponseReader {
  readonly #limits: Limits;
  readonly #latin1: Latin1;
  readonly #scanner: HeadScanner;
  #method: string | null = null;
  #interims = 0;
  #fault: Fault | null = null;

  constructor(options: ResponseReaderOptions) {
    const { headBytesMax, headFieldsMax } = options.limits;
    this.#limits = options.limits;
    this.#latin1 = options.latin1;
    this.#scanner = new HeadScanner('status', { bytesMax: headBytesMax, fieldsMax: headFieldsMax, targetBytesMax: 0 });
  }

  /** Whether a byte of an unfinished head was seen. */
  get started(): boolean {
    return this.#scanner.started;
  }

  expect(method: string): void {
    this.#method = method;
    this.#interims = 0;
  }

  push(chunk: Uint8Array, at: number): HeadStep<ResponseHead> {
    if (this.#fault !== null) return { is: 'refused', fault: this.#fault };
    if (at >= chunk.length) return { is: 'more' };
    if (this.#method === null) return this.#refuse('bytes that answer nothing');
    const next = this.#scanner.take(chunk, at);
    if (next === null) return { is: 'more' };
    if (typeof next !== 'number') return this.#refuse(next.why);
    const head = this.#read(this.#method);
    this.#scanner.release();
    if ('code' in head) return this.#refuse(head.why);
    if (head.status >= 200 || head.status === 101) this.#method = null;
    else if (this.#interims === this.#limits.interimResponsesMax) return this.#refuse('more interim answers than allowed');
    else this.#interims += 1;
    return { is: 'head', head, next };
  }

  /** The stream has ended: null when no answer was due. */
  end(): Fault | null {
    if (this.#fault !== null) return this.#fault;
    return this.#method === null ? null : fault('response-malformed', 'the service ended the stream before its answer');
  }

  #refuse(why: string): HeadStep<ResponseHead> {
    this.#fault = fault('response-malformed', why);
    return { is: 'refused', fault: this.#fault };
  }

  #read(method: string): ResponseHead | Fault {
    const { bytes, base, length, marks, count, minor, statusStart, reasonStart, reasonEnd } = this.#scanner;
    const text = this.#latin1(bytes, base, base + length);
    const status = three(text, statusStart);
    const fields: Field[] = [];
    const said: Said = { contentLength: null, transferEncoding: null, connection: null, upgrade: null };
    for (let mark = 0; mark < count * 4; mark += 4) {
      // Marks of `count` fields were written.
      const field = fieldName(bytes, base + (marks[mark] as number), base + (marks[mark + 1] as number), this.#latin1);
      const start = marks[mark + 2] as number;
      const end = marks[mark + 3] as number;
      const value = text.slice(start, end);
      const line = lineOf(text, field.name, marks[mark + 1] as number, start, end);
      fields.push({ name: field.name, lower: field.lower, value, line });
      if (field.role === 'content-length') {
        if (said.contentLength !== null) return fault('response-malformed', 'more than one Content-Length');
        said.contentLength = value;
      } else if (field.role === 'transfer-encoding') {
        if (said.transferEncoding !== null) return fault('response-malformed', 'more than one Transfer-Encoding');
        said.transferEncoding = value;
      } else if (field.role === 'connection') said.connection = said.connection === null ? value : `${said.connection},${value}`;
      else if (field.role === 'upgrade') said.upgrade = said.upgrade === null ? value : `${said.upgrade},${value}`;
    }
    const framing = framingOf(method, status, minor, said);
    if ('code' in framing) return framing;
    const connection = readConnection(said.connection);
    const upgrade = connection.upgrade && said.upgrade?.toLowerCase() === 'websocket' && minor === 1 ? 'websocket' : null;
    if (status === 101 && upgrade === null) return fault('response-malformed', 'a switch to a protocol that nobody asked for');
    // HTTP/1.0 services are asked once a connection: their keep-alive is an extension that each does differently.
    const persistent = minor === 1 && !connection.close && framing.is !== 'close';
    const reason = text.slice(Math.min(reasonStart, reasonEnd), reasonEnd);
    return { status, reason, minor, fields, framing, persistent, upgrade: status === 101 ? upgrade : null };
  }
}

/** The number of three digits, which the scanner has seen to be digits. */
function three(text: string, at: number): number {
  return text.charCodeAt(at) * 100 + text.charCodeAt(at + 1) * 10 + text.charCodeAt(at + 2) - 48 * 111;
}

/** RFC 9112, 6.3 for responses. Lengths are read strictly even where no body follows. */
function framingOf(method: string, status: number, minor: 0 | 1, said: Said): Framing | Fault {
  const framing = readFraming({ minor, contentLength: said.contentLength, transferEncoding: said.transferEncoding });
  if ('code' in framing) return framing;
  if (status < 200 || status === 204) {
    // RFC 9110, 8.6 and RFC 9112, 6.1 forbid both here; `Content-Length: 0` is common and cannot be misread.
    const bodiless = framing.is === 'none' || (framing.is === 'length' && framing.length === 0);
    return bodiless ? none : fault('response-malformed', 'a length on an answer that has no body');
  }
  if (status === 304 || method === 'HEAD') return none;
  return framing.is === 'none' ? { is: 'close' } : framing;
}
