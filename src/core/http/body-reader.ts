/** Reads the body of a message, in either direction: which bytes are content, and where it ends. */

import type { Latin1 } from '../bytes.ts';
import { type Fault, fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { ChunkLine } from './chunk-line.ts';
import { fieldName } from './field-names.ts';
import { type Field, type Fields, fieldOf } from './fields.ts';
import type { Framing } from './head.ts';
import { HeadScanner } from './head-scanner.ts';
import { carriageReturn, lineFeed } from './octets.ts';
import { isTrailer } from './removed-fields.ts';

/** Names that say how this or the next message is read. */
const framingNames: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection', 'proxy-connection', 'upgrade']);

type Phase = 'content' | 'line' | 'dataEnd' | 'trailers' | 'done';

/**
 * A reader for one body. Nothing is kept but an unfinished trailer section. Faults: `body-malformed`, `message-incomplete`.
 * Trailers are for who wants them: names that frame, route, authenticate or describe content are dropped (RFC 9110, 6.5.1).
 */
export class BodyReader {
  readonly #framing: Framing;
  readonly #limits: Limits;
  readonly #latin1: Latin1;
  #phase: Phase;
  /** Bytes of content still to come in this chunk, or in the whole. */
  #left: number;
  #bytes = 0;
  /** What framing cost beyond its due: a body of one-byte chunks with long extensions burns time, not bandwidth (CVE-2024-22019). */
  #overhead = 0;
  #sawReturn = false;
  #line: ChunkLine | null = null;
  #scanner: HeadScanner | null = null;
  #trailers: Fields = [];
  #fault: Fault | null = null;

  constructor(framing: Framing, limits: Limits, latin1: Latin1) {
    this.#framing = framing;
    this.#limits = limits;
    this.#latin1 = latin1;
    this.#left = framing.is === 'length' ? framing.length : framing.is === 'close' ? Number.POSITIVE_INFINITY : 0;
    this.#phase = framing.is === 'chunked' ? 'line' : this.#left === 0 ? 'done' : 'content';
    if (framing.is === 'chunked') this.#line = new ChunkLine(limits.chunkLineBytesMax);
  }

  get done(): boolean {
    return this.#phase === 'done';
  }

  /** Bytes of content so far, without framing. */
  get bytes(): number {
    return this.#bytes;
  }

  get trailers(): Fields {
    return this.#trailers;
  }

  /**
   * Reads on from `chunk[at]` and calls `onSpan` for each run of content. The index after the last byte that was
   * consumed: short of the chunk's end only when `done`.
   */
  push(chunk: Uint8Array, at: number, onSpan: (start: number, end: number) => void): number | Fault {
    if (this.#fault !== null) return this.#fault;
    let p = at;
    while (p < chunk.length && this.#phase !== 'done') {
      const next = this.#step(chunk, p, onSpan);
      if (typeof next !== 'number') {
        this.#fault = next;
        return next;
      }
      p = next;
    }
    return p;
  }

  /** The stream has ended. */
  end(): Fault | null {
    if (this.#fault !== null) return this.#fault;
    if (this.#framing.is === 'close') this.#phase = 'done';
    return this.#phase === 'done' ? null : fault('message-incomplete', 'the stream ended within a body');
  }

  #step(chunk: Uint8Array, at: number, onSpan: (start: number, end: number) => void): number | Fault {
    switch (this.#phase) {
      case 'content': {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        this.#bytes += end - at;
        onSpan(at, end);
        if (this.#left === 0) this.#phase = this.#framing.is === 'chunked' ? 'dataEnd' : 'done';
        return end;
      }
      case 'line':
        return this.#readLine(chunk, at);
      case 'dataEnd':
        return this.#readDataEnd(chunk, at);
      case 'trailers':
        return this.#readTrailers(chunk, at);
      case 'done':
        return at;
      default:
        return this.#phase satisfies never;
    }
  }

  #readLine(chunk: Uint8Array, at: number): number | Fault {
    const line = this.#line ?? new ChunkLine(this.#limits.chunkLineBytesMax);
    const next = line.take(chunk, at);
    if (next === null) return chunk.length;
    if (typeof next !== 'number') return next;
    // Go's measure: sixteen bytes a chunk and twice the data are free, the rest adds up.
    this.#overhead = Math.max(0, this.#overhead + line.length - 16 - 2 * line.size);
    if (this.#overhead > this.#limits.chunkOverheadBytesMax) return fault('body-malformed', 'chunk extensions that outweigh the content');
    this.#left = line.size;
    this.#phase = line.size === 0 ? 'trailers' : 'content';
    line.reset();
    return next;
  }

  /** Chunk data ends in CRLF, exactly (RFC 9112, 7.1). */
  #readDataEnd(chunk: Uint8Array, at: number): number | Fault {
    if (!this.#sawReturn) {
      if (chunk[at] !== carriageReturn) return fault('body-malformed', 'chunk data that is not followed by CRLF');
      this.#sawReturn = true;
      return at + 1;
    }
    if (chunk[at] !== lineFeed) return fault('body-malformed', 'chunk data that is not followed by CRLF');
    this.#sawReturn = false;
    this.#phase = 'line';
    return at + 1;
  }

  #readTrailers(chunk: Uint8Array, at: number): number | Fault {
    this.#scanner ??= new HeadScanner('none', {
      bytesMax: this.#limits.trailerBytesMax,
      fieldsMax: this.#limits.headFieldsMax,
      targetBytesMax: 0,
    });
    const next = this.#scanner.take(chunk, at);
    if (next === null) return chunk.length;
    if (typeof next !== 'number') return fault('body-malformed', `trailers: ${next.why}`);
    const trailers = this.#trailersOf(this.#scanner);
    if ('code' in trailers) return trailers;
    this.#trailers = trailers;
    this.#phase = 'done';
    return next;
  }

  #trailersOf({ bytes, base, length, marks, count }: HeadScanner): Fields | Fault {
    if (count === 0) return [];
    const text = this.#latin1(bytes, base, base + length);
    const trailers: Field[] = [];
    for (let mark = 0; mark < count * 4; mark += 4) {
      // Marks of `count` fields were written.
      const { name, lower } = fieldName(bytes, base + (marks[mark] as number), base + (marks[mark + 1] as number), this.#latin1);
      // The frame is known by now: whoever names another one here hopes for a reader who merges trailers too early.
      // Connection and Upgrade likewise: llhttp ends the connection by one in the trailers, others do not.
      if (framingNames.has(lower)) return fault('body-malformed', `${lower} in the trailers`);
      if (isTrailer(lower)) trailers.push(fieldOf(name, text.slice(marks[mark + 2], marks[mark + 3])));
    }
    return trailers;
  }
}
