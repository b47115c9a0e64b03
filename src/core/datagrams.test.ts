/** Datagrams keep their bounds, at every split of the stream; what is malformed is refused by name. */

import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DatagramReader, datagramBytesMax, framedDatagram } from './datagrams.ts';
import type { Fault } from './errors.ts';

type Read = Readonly<{ got: readonly string[]; fault: Fault | null }>;

function read(pieces: readonly Uint8Array[]): Read {
  const reader = new DatagramReader();
  const got: string[] = [];
  for (const piece of pieces) {
    const fault = reader.push(piece, (datagram) => got.push(Buffer.from(datagram).toString('hex')));
    if (fault !== null) return { got, fault };
  }
  return { got, fault: reader.end() };
}

// "hello", an empty one, one byte.
const page = readFileSync(new URL('../../docs/wire-protocol.md', import.meta.url), 'utf8');
const vector = Buffer.from((/```datagrams\n([0-9a-f\s]+)```/.exec(page)?.[1] ?? '').replaceAll(/\s/g, ''), 'hex');

test('the vector of the documentation is read at every split, and byte by byte', () => {
  const expected = { got: ['68656c6c6f', '', '07'], fault: null };
  deepEqual(read([vector]), expected);
  for (let at = 1; at < vector.length; at += 1) deepEqual(read([vector.subarray(0, at), vector.subarray(at)]), expected, `split at ${at}`);
  deepEqual(read([...vector].map((byte) => Uint8Array.of(byte))), expected);
  const written = [Buffer.from('hello'), Buffer.alloc(0), Buffer.of(7)].map((each) => framedDatagram(each) ?? Buffer.of(255));
  deepEqual(Buffer.concat(written), vector);
});

test('the longest datagram of UDP passes, and one byte more does not, whole or in pieces', () => {
  const longest = framedDatagram(Buffer.alloc(datagramBytesMax, 1));
  equal(longest === null ? 0 : read([longest]).got[0]?.length, datagramBytesMax * 2);
  equal(framedDatagram(Buffer.alloc(datagramBytesMax + 1)), null);
  equal(read([Buffer.of(0xff, 0xe4)]).fault?.code, 'frame-too-long');
  equal(read([Buffer.of(0xff), Buffer.of(0xe4, 0)]).fault?.code, 'frame-too-long');
  equal(read([Buffer.of(0xff, 0xff, 1, 2, 3)]).fault?.code, 'frame-too-long');
});

test('a stream that ends inside a length or a datagram is malformed', () => {
  equal(read([Buffer.of(0)]).fault?.code, 'frame-malformed');
  equal(read([Buffer.of(0, 2, 1)]).fault?.code, 'frame-malformed');
  equal(read([Buffer.of(0, 1)]).fault?.code, 'frame-malformed');
  equal(read([Buffer.of(0, 0)]).fault, null);
});
