/** What is sent in the storm: bytes that follow from an id, so that both sides know them, and another's are seen at once. */

import { createCipheriv, createHash, type Cipheriv } from 'node:crypto';

const zeros = Buffer.alloc(65_536);

/** An endless stream of bytes that no other id has. */
export class Content {
  readonly #cipher: Cipheriv;

  constructor(id: string) {
    const key = createHash('sha256').update(id).digest().subarray(0, 16);
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  }

  /** The next so many, of which there are at most 64 KiB at once. */
  next(bytes: number): Buffer {
    return this.#cipher.update(zeros.subarray(0, bytes));
  }
}

/** All of it at once, for what is small. */
export function contentOf(id: string, bytes: number): Buffer {
  const content = new Content(id);
  const pieces: Buffer[] = [];
  for (let left = bytes; left > 0; left -= zeros.length) pieces.push(content.next(Math.min(left, zeros.length)));
  return Buffer.concat(pieces);
}

/** What the service says of a body that it got. Answers of different lengths: one in another's place breaks the framing as well. */
export function receiptOf(id: string, body: Readonly<{ bytes: number; sha256: string }>): string {
  return JSON.stringify({ id, ...body, filler: 'x'.repeat((body.bytes + id.length * 97) % 3_001) });
}

/** Reads an answer against what it should be, from its first byte on. */
export class Expectation {
  readonly #next: (bytes: number) => Buffer;
  readonly #bytes: number;
  #read = 0;

  constructor(next: (bytes: number) => Buffer, bytes: number) {
    this.#next = next;
    this.#bytes = bytes;
  }

  static ofText(text: string): Expectation {
    const all = Buffer.from(text);
    let at = 0;
    return new Expectation((bytes) => all.subarray(at, (at += bytes)), all.length);
  }

  static ofContent(id: string, bytes: number): Expectation {
    const content = new Content(id);
    return new Expectation((count) => content.next(count), bytes);
  }

  /** Null while all is as it should be, else what is wrong. */
  take(chunk: Buffer): string | null {
    for (let at = 0; at < chunk.length; at += zeros.length) {
      const piece = chunk.subarray(at, at + zeros.length);
      if (this.#read + piece.length > this.#bytes) return `more than ${this.#bytes} bytes`;
      if (!this.#next(piece.length).equals(piece)) return `other bytes at ${this.#read} of ${this.#bytes}`;
      this.#read += piece.length;
    }
    return null;
  }

  /** Of an answer that called itself complete. */
  whole(): string | null {
    return this.#read === this.#bytes ? null : `${this.#read} of ${this.#bytes} bytes, and called complete`;
  }
}

/** A datagram that says which it is, and has content that follows from that. */
export function datagramOf(id: string, number: number, bytes: number): Buffer {
  const head = Buffer.from(`${id} ${number}\n`);
  return Buffer.concat([head, contentOf(head.toString(), Math.max(0, bytes - head.length))]);
}

/** Which it is; null for one that differs in a byte from what was sent. */
export function readDatagram(bytes: Buffer): Readonly<{ id: string; number: number }> | null {
  const [head, id, number] = /^([\w-]{1,40}) (\d{1,6})\n/.exec(bytes.subarray(0, 60).toString('latin1')) ?? [];
  if (head === undefined || id === undefined) return null;
  return contentOf(head, bytes.length - head.length).equals(bytes.subarray(head.length)) ? { id, number: Number(number) } : null;
}
