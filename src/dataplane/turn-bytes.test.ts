import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { framesBytes, writeFrames, type Frame } from '../core/mux/frame.ts';
import { TurnBytes } from './turn-bytes.ts';

const credit: Frame = { type: 'window', stream: 1, payload: Buffer.from([0, 0, 1, 0]) };

/** A payload as a socket hands it over: so much of a larger buffer. */
function read(length: number, of: number): Frame {
  const memory = Buffer.allocUnsafeSlow(of).fill(length % 251);
  return { type: 'data', stream: 1, payload: memory.subarray(0, length) };
}

function written(frames: readonly Frame[]): Buffer {
  const bytes = Buffer.alloc(framesBytes(frames));
  writeFrames(frames, bytes);
  return bytes;
}

/** The memory that pieces hold, each block counted once. */
function pinned(pieces: readonly Uint8Array[]): number {
  return [...new Set(pieces.map((piece) => piece.buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

describe('the bytes of a turn', () => {
  it('are its frames, whatever their sizes', () => {
    const turn = new TurnBytes();
    for (const frames of [
      [],
      [credit],
      [credit, read(5_000, 65_536), credit],
      [read(65_536, 65_536), credit, read(100, 65_536), read(65_536, 65_536), read(40_000, 65_536)],
      [credit, read(65_536, 65_536)],
      Array.from({ length: 300 }, (_, index) => read(index + 1, 65_536)),
      Array.from({ length: 300 }, (_, index) => read(index * 3 + 1, index * 3 + 1)),
    ])
      assert.deepEqual(Buffer.concat(turn.pieces(frames)), written(frames));
  });

  it('do not change when more is written', () => {
    const turn = new TurnBytes();
    const first = turn.pieces([read(3_000, 65_536)]);
    for (let each = 0; each < 100; each += 1) turn.pieces([read(2_000 + each, 65_536), credit]);
    assert.deepEqual(Buffer.concat(first), written([read(3_000, 65_536)]));
  });

  it('resource exhaustion: crumbs that are not acknowledged pin twice their own size at most, and a block', () => {
    for (const frames of [[credit], [read(1, 65_536)], [read(700, 65_536)], [read(9_000, 65_536), credit]]) {
      const turn = new TurnBytes();
      const pieces = Array.from({ length: 2_000 }, () => {
        // What others write meanwhile.
        Buffer.allocUnsafe(20_000);
        return turn.pieces(frames);
      }).flat();
      const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      assert.ok(pinned(pieces) <= 2 * bytes + 16_384, `${pinned(pieces)} bytes for ${bytes}`);
    }
  });

  it('resource exhaustion: a turn of bulk pins no reads that are hardly filled', () => {
    const turn = new TurnBytes();
    const frames = [read(65_536, 65_536), ...Array.from({ length: 40 }, () => read(1_000, 65_536))];
    assert.ok(pinned(turn.pieces(frames)) <= 2 * framesBytes(frames));
  });

  it('hold payloads that are much of their memory uncopied', () => {
    const [first, second] = [read(65_536, 65_536), read(16_384, 65_536)];
    const pieces = new TurnBytes().pieces([first, second]);
    assert.equal(pieces[1], first.payload);
    assert.equal(pieces[3], second.payload);
  });

  it('hold nothing once all has arrived', () => {
    const turn = new TurnBytes();
    for (let each = 0; each < 1_000; each += 1) turn.pieces([credit]);
    turn.release();
    assert.ok(pinned(turn.pieces([credit])) <= 1_024);
  });
});
