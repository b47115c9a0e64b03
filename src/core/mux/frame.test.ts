/** The page docs/wire-protocol.md and the frames hold each other. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { defaults } from '../limits.ts';
import type { Frame, FrameType, Header } from './frame.ts';
import { frameHeaderBytes, frameTypes, framesBytes, readHeader, writeFrames } from './frame.ts';
import { decodeMessage, encodeMessage } from './message.ts';
import { decodeOpening, encodeOpening } from './opening.ts';
import { reasons } from './reasons.ts';

const page = readFileSync(new URL('../../../docs/wire-protocol.md', import.meta.url), 'utf8');
const examples = new Map(
  [...page.matchAll(/^```frame (\w+)\n([\da-f\s]+)```$/gm)].map(([, type = '', hex = '']) => [
    type,
    new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')),
  ]),
);

const json = encodeMessage;
const expected: Readonly<Record<FrameType, Readonly<{ stream: number; payload: Uint8Array | null }>>> = {
  hello: {
    stream: 0,
    payload: json({
      instance: '00112233445566778899aabbccddeeff',
      proof: 'AAAA',
      invite: null,
      window: 65_536,
      streams: 1_000,
      features: [],
    }),
  },
  accepted: {
    stream: 0,
    payload: json({ domain: 'example.org', grants: ['blog.example.org', '*.blog.example.org'], window: 65_536, features: [] }),
  },
  refused: { stream: 0, payload: json({ code: 'relay-refused' }) },
  register: { stream: 0, payload: json({ ask: 0, names: ['blog.example.org'] }) },
  names: { stream: 0, payload: json({ ask: 0, answers: [{ name: 'blog.example.org', is: 'held' }] }) },
  open: {
    stream: 1,
    payload: encodeOpening({
      id: '01J5',
      ip: '192.0.2.7',
      visitorPort: 50_000,
      listenerPort: 443,
      sni: 'blog.example.org',
      alpn: ['h2', 'http/1.1'],
    }),
  },
  opened: { stream: 1, payload: null },
  data: { stream: 1, payload: new Uint8Array(Buffer.from('hello')) },
  window: { stream: 1, payload: new Uint8Array([0, 0, 0x80, 0]) },
  fin: { stream: 1, payload: null },
  reset: { stream: 1, payload: new Uint8Array([4]) },
  recall: { stream: 1, payload: new Uint8Array([0, 0, 0x80, 0]) },
  returned: { stream: 1, payload: new Uint8Array([0, 0, 0x40, 0]) },
  ping: { stream: 0, payload: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]) },
  pong: { stream: 0, payload: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]) },
  goaway: { stream: 0, payload: new Uint8Array([0, 0, 0, 7, 18]) },
  ack: { stream: 0, payload: new Uint8Array([0, 0, 0, 1, 0, 2, 0, 0]) },
};

describe('the page of the wire protocol', () => {
  it('has an example of every frame, and of no other', () => {
    deepEqual([...examples.keys()].toSorted(), Object.keys(frameTypes).toSorted());
  });

  for (const [type, { stream, payload }] of Object.entries(expected) as [FrameType, (typeof expected)[FrameType]][]) {
    it(`shows ${type} as it is written and read`, () => {
      const frame: Frame = { type, stream, payload };
      const bytes = new Uint8Array(framesBytes([frame]));
      equal(writeFrames([frame], bytes), bytes.length);
      deepEqual(examples.get(type), bytes);
      const header: Header = { type: 'data', stream: 0, length: 0 };
      equal(readHeader(bytes, 0, defaults, header), null);
      deepEqual(header, { type, stream, length: bytes.length - frameHeaderBytes });
    });
  }

  it('names every type with its byte, and every reason', () => {
    for (const [type, { byte }] of Object.entries(frameTypes))
      ok(page.includes(`| \`${type}\` | \`${byte.toString(16).padStart(2, '0')}\` |`), type);
    reasons.forEach((code, byte) => ok(page.includes(`| ${byte} | \`${code}\` |`), code));
  });
});

describe('an opening', () => {
  it('is read as it was written, without a name and with many protocols', () => {
    for (const sni of [null, 'a.example']) {
      const opening = {
        id: 'x'.repeat(26),
        ip: '2001:db8::1',
        visitorPort: 65_535,
        listenerPort: 0,
        sni,
        alpn: Array.from({ length: 16 }, (_one, index) => `p${index}`),
      };
      deepEqual(decodeOpening(encodeOpening(opening)), opening);
    }
  });

  it('leaves out protocols that cannot be written, and more than sixteen', () => {
    const opening = {
      id: 'x',
      ip: '::1',
      visitorPort: 1,
      listenerPort: 1,
      sni: null,
      alpn: ['', 'é', 'a'.repeat(256), ...Array.from({ length: 20 }, () => 'p')],
    };
    const read = decodeOpening(encodeOpening(opening));
    deepEqual(
      'alpn' in read && read.alpn,
      Array.from({ length: 16 }, () => 'p'),
    );
  });

  it('is refused when cut short anywhere', () => {
    const whole = encodeOpening({ id: 'x', ip: '::1', visitorPort: 1, listenerPort: 1, sni: 'a.b', alpn: ['h2'] });
    for (let end = 0; end < whole.length; end++) ok('code' in decodeOpening(whole.subarray(0, end)), String(end));
  });
});

describe('a message', () => {
  it('keeps no byte order mark and no half of a character', () => {
    ok('code' in decodeMessage(new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d])));
    ok('code' in decodeMessage(new Uint8Array([0x22, 0xe2, 0x82, 0x22])));
    deepEqual(decodeMessage(encodeMessage({ a: 'é' })), { value: { a: 'é' } });
  });
});
