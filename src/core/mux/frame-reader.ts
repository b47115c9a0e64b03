/** Reads frames out of bytes that come in any pieces, and keeps only what a checked header allowed. */

import type { Fault } from '../errors.ts';
import type { FrameLimits, Header } from './frame.ts';
import { frameHeaderBytes, frameVersion, readHeader } from './frame.ts';

/** Who is told. A fault that is returned ends the reading for good. */
export interface FrameTaker {
  /** A header whose lengths are within the limits; nothing of its payload has been looked at. */
  header(header: Readonly<Header>): Fault | null;
  /** A piece of a `data` payload, as it came: a view of the bytes handed in. */
  data(stream: number, piece: Uint8Array): void;
  /** Any other frame, whole. The payload is a view or a copy; valid during the call only. */
  frame(header: Readonly<Header>, payload: Uint8Array): Fault | null;
}

const nothing = new Uint8Array(0);

export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #taker: FrameTaker;
  readonly #partialHeader = new Uint8Array(frameHeaderBytes);
  #headerHave = 0;
  readonly #header: Header = { type: 'data', stream: 0, length: 0 };
  /** Bytes of the payload still to come; -1 while a header is awaited. */
  #left = -1;
  #partial: Uint8Array | null = null;
  #fault: Fault | null = null;

  constructor(limits: FrameLimits, taker: FrameTaker) {
    this.#limits = limits;
    this.#taker = taker;
  }

  /** Takes the next bytes. Returns the fault that ended it, if one did. */
  push(bytes: Uint8Array): Fault | null {
    let at = 0;
    while (this.#fault === null && at < bytes.length) {
      at = this.#left < 0 ? this.#readHeader(bytes, at) : this.#readPayload(bytes, at);
    }
    return this.#fault;
  }

  #readHeader(bytes: Uint8Array, at: number): number {
    let source = bytes;
    let start = at;
    let next = at + frameHeaderBytes;
    if (this.#headerHave > 0 || next > bytes.length) {
      const piece = bytes.subarray(at, at + frameHeaderBytes - this.#headerHave);
      this.#partialHeader.set(piece, this.#headerHave);
      this.#headerHave += piece.length;
      next = at + piece.length;
      // The first byte alone tells a stranger who speaks something else: no need to wait for twelve.
      if (this.#headerHave < frameHeaderBytes && this.#partialHeader[0] === frameVersion) return next;
      source = this.#partialHeader;
      start = 0;
      this.#headerHave = 0;
    }
    this.#fault = readHeader(source, start, this.#limits, this.#header) ?? this.#taker.header(this.#header);
    if (this.#fault !== null) return next;
    this.#left = this.#header.length;
    if (this.#left === 0) this.#finish(nothing);
    return next;
  }

  #readPayload(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    const piece = at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
    if (this.#header.type === 'data') {
      this.#left -= piece.length;
      if (this.#left === 0) this.#left = -1;
      this.#taker.data(this.#header.stream, piece);
    } else if (this.#partial === null && piece.length === this.#left) {
      this.#finish(piece);
    } else {
      this.#partial ??= new Uint8Array(this.#header.length);
      this.#partial.set(piece, this.#header.length - this.#left);
      this.#left -= piece.length;
      if (this.#left === 0) this.#finish(this.#partial);
    }
    return end;
  }

  #finish(payload: Uint8Array): void {
    this.#left = -1;
    this.#partial = null;
    this.#fault = this.#taker.frame(this.#header, payload);
  }
}
