import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstMessageReader, type FirstMessage } from './first-message.ts';
import { framesBytes, frameHeaderBytes, type Frame, writeFrames, writeHeader } from './frame.ts';
import { encodeMessage } from './message.ts';

const limits = { frameBytesMax: 65_536, messageBytesMax: 1_024 };
const accepted: Frame = { type: 'accepted', stream: 0, payload: encodeMessage({ domain: 'example.org' }) };
const data: Frame = { type: 'data', stream: 1, payload: new Uint8Array([1, 2, 3]) };

function wire(...frames: readonly Frame[]): Uint8Array {
  const bytes = new Uint8Array(framesBytes(frames));
  writeFrames(frames, bytes);
  return bytes;
}

/** What the pieces come to, and how many bytes of them are left for whoever reads on. */
function read(pieces: readonly Uint8Array[]): Readonly<{ found: FirstMessage; left: number }> {
  const reader = new FirstMessageReader(limits);
  let left = pieces.reduce((sum, piece) => sum + piece.length, 0);
  for (const piece of pieces) {
    const found = reader.push(piece);
    if (found.is !== 'more') return { found, left: found.is === 'message' ? left - found.next : left };
    left -= piece.length;
  }
  return { found: { is: 'more' }, left };
}

test('reads one message at every split, and leaves what follows', () => {
  const bytes = wire(accepted, data);
  const rest = frameHeaderBytes + 3;
  for (let split = 0; split <= bytes.length; split += 1) {
    const { found, left } = read([bytes.subarray(0, split), bytes.subarray(split)]);
    assert.deepEqual(found.is === 'message' && [found.type, found.value], ['accepted', { domain: 'example.org' }], String(split));
    assert.equal(left, rest, String(split));
  }
  assert.equal(read([...bytes].map((octet) => new Uint8Array([octet]))).left, rest);
});

test('refuses what is no message, by its first bytes', () => {
  assert.equal(read([new TextEncoder().encode('H')]).found.is, 'fault');
  assert.equal(read([wire(data)]).found.is, 'fault');
  assert.equal(read([wire({ ...accepted, payload: new TextEncoder().encode('no JSON') })]).found.is, 'fault');
});

test('length overflow: a message longer than allowed is refused on its header', () => {
  for (const length of [limits.messageBytesMax + 1, 0xffff_ffff, 0]) {
    const header = new Uint8Array(frameHeaderBytes);
    writeHeader(header, 0, 'accepted', 0, length);
    assert.equal(read([header]).found.is, 'fault', String(length));
  }
});
