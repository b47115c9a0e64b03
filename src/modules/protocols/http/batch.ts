/** What one turn has to say to one stream, put together into one write. */

import type { Duplex } from 'node:stream';

/** Below this one copy is cheaper than a gathered write. */
const JOINED_BYTES_MAX = 32_768;
/** Spans up to this may be lent for this turn only: then their memory is another connection's (see Tap). Longer ones are ours. */
export const LENT_BYTES_MAX = 16_384;

/** Collects heads (Latin-1 text) and spans of content; `flush` hands them to the stream at once. */
export class Batch {
  #parts: (string | Uint8Array)[] = [];
  #bytes = 0;

  /** A head or a chunk's frame. Latin-1: one byte a character. */
  text(text: string): void {
    this.#parts.push(text);
    this.#bytes += text.length;
  }

  span(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  /** A span of content as one chunk (RFC 9112, 7.1). */
  chunk(bytes: Uint8Array): void {
    this.text(`${bytes.length.toString(16)}\r\n`);
    this.span(bytes);
    this.text('\r\n');
  }

  get empty(): boolean {
    return this.#bytes === 0;
  }

  /** As `flush`, and the stream's end with it: one frame of HTTP/2 can be both. */
  end(stream: Duplex): void {
    const [parts, bytes] = [this.#parts, this.#bytes];
    if (!stream.writable || parts.length === 0 || (parts.length > 1 && bytes > JOINED_BYTES_MAX)) {
      this.flush(stream);
      stream.end();
      return;
    }
    this.#parts = [];
    this.#bytes = 0;
    const only = parts.length === 1 ? parts[0] : undefined;
    stream.end(only instanceof Uint8Array && only.length > LENT_BYTES_MAX ? only : joined(parts, bytes));
  }

  /** False when the stream asks to wait for its drain. Writing to a stream that is gone is not an error here. */
  flush(stream: Duplex): boolean {
    const parts = this.#parts;
    if (parts.length === 0) return true;
    const bytes = this.#bytes;
    this.#parts = [];
    this.#bytes = 0;
    if (!stream.writable) return true;
    const only = parts.length === 1 ? parts[0] : undefined;
    if (typeof only === 'string') return stream.write(only, 'latin1');
    // Copied also when alone: it may be lent.
    if (bytes <= JOINED_BYTES_MAX) return stream.write(joined(parts, bytes));
    return gathered(stream, parts);
  }
}

function joined(parts: readonly (string | Uint8Array)[], bytes: number): Buffer {
  const whole = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') {
      at += whole.write(part, at, 'latin1');
    } else {
      whole.set(part, at);
      at += part.length;
    }
  }
  return whole;
}

function gathered(stream: Duplex, parts: readonly (string | Uint8Array)[]): boolean {
  stream.cork();
  let more = true;
  for (const part of parts) {
    if (typeof part === 'string') more = stream.write(part, 'latin1');
    else more = stream.write(part.length > LENT_BYTES_MAX ? part : Buffer.from(part));
  }
  stream.uncork();
  return more;
}
