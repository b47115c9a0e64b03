/** The frames of one turn as the bytes that go out. */

import { frameHeaderBytes, framesBytes, writeFrames, writeHeader, type Frame } from '../core/mux/frame.ts';

/** A turn below this is one piece: a copy is cheaper than several writes. */
const oneBytesMax = 65_536;
/** Turns below this share a block of memory, of so many bytes at least and at most: each next is twice as large. */
const sharedBytesMax = 8_192;
const blockBytesLeast = 1_024;
const blockBytesMost = 16_384;

/**
 * Writes into memory of one carrier. What it wrote is kept until the other side has acknowledged it, so nothing may
 * pin more than itself: twenty bytes of credit in Node's common pool would hold the 64 KiB that all others write to,
 * and a few bytes in the 64 KiB that a socket reads into no less.
 */
export class TurnBytes {
  #block = Buffer.alloc(0);
  #used = 0;
  #blockBytes = blockBytesLeast;

  /** One piece, or for bulk several: payloads that are much of their memory stay as they are, the rest is copied. */
  pieces(frames: readonly Frame[]): readonly Uint8Array[] {
    const size = framesBytes(frames);
    if (size > oneBytesMax) return bulkPieces(frames);
    const bytes = this.#room(size);
    writeFrames(frames, bytes);
    return [bytes];
  }

  /** All of it has arrived: what is idle holds nothing. */
  release(): void {
    this.#block = Buffer.alloc(0);
    this.#used = 0;
    this.#blockBytes = blockBytesLeast;
  }

  #room(size: number): Buffer {
    if (size >= sharedBytesMax) return Buffer.allocUnsafeSlow(size);
    if (size > this.#block.length - this.#used) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(this.#blockBytes, size));
      this.#blockBytes = Math.min(this.#blockBytes * 2, blockBytesMost);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    return this.#block.subarray(start, this.#used);
  }
}

function bulkPieces(frames: readonly Frame[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const copied = Buffer.allocUnsafeSlow(frames.reduce((sum, { payload }) => sum + frameHeaderBytes + copiedBytes(payload), 0));
  let start = 0;
  let end = 0;
  for (const { type, stream, payload } of frames) {
    writeHeader(copied, end, type, stream, payload === null ? 0 : payload.length);
    end += frameHeaderBytes;
    if (payload === null) continue;
    if (copiedBytes(payload) > 0) {
      copied.set(payload, end);
      end += payload.length;
    } else {
      pieces.push(copied.subarray(start, end), payload);
      start = end;
    }
  }
  if (end > start) pieces.push(copied.subarray(start, end));
  return pieces;
}

/** A quarter of its memory is enough: a read of bulk goes out in four frames where streams take turns, and all four wait together. */
function copiedBytes(payload: Uint8Array | null): number {
  return payload === null || payload.length * 4 >= payload.buffer.byteLength ? 0 : payload.length;
}
