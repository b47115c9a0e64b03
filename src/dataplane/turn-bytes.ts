/** The frames of one turn as the bytes that go out. */

import { frameHeaderBytes, framesBytes, writeFrames, writeHeader, type Frame } from '../core/mux/frame.ts';

/** What is below is copied into one buffer, which is cheaper than several writes. */
const concatBytesMax = 65_536;

/** One piece, or for bulk a header and a payload each, uncopied. */
export function turnPieces(frames: readonly Frame[]): readonly Uint8Array[] {
  const size = framesBytes(frames);
  if (size <= concatBytesMax) {
    const bytes = Buffer.allocUnsafe(size);
    writeFrames(frames, bytes);
    return [bytes];
  }
  const pieces: Uint8Array[] = [];
  for (const { type, stream, payload } of frames) {
    const head = Buffer.allocUnsafe(frameHeaderBytes);
    writeHeader(head, 0, type, stream, payload === null ? 0 : payload.length);
    pieces.push(head);
    if (payload !== null) pieces.push(payload);
  }
  return pieces;
}
