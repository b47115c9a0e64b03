/** What an open says of a visitor fits its frame, whatever the visitor said. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openBytesMax } from './frame.ts';
import { decodeOpening, encodeOpening } from './opening.ts';

const opening = { id: '01J5', ip: '192.0.2.7', visitorPort: 50_000, listenerPort: 443, sni: 'blog.example.org', alpn: [] };

describe('an open', () => {
  it('never outgrows its frame, however many long protocols a hello offers (mux memory, length overflow)', () => {
    const names = Array.from({ length: 60 }, (_, at) => `${at}`.padEnd(255, 'x'));
    const bytes = encodeOpening({ ...opening, alpn: ['h2', ...names, 'http/1.1'] });
    ok(bytes.length <= openBytesMax, `${bytes.length} bytes`);
    const read = decodeOpening(bytes);
    ok(!('code' in read));
    equal(read.alpn[0], 'h2');
    equal(read.alpn.includes('http/1.1'), true);
  });

  it('passes over protocols that cannot be written, and keeps the rest in their order', () => {
    const read = decodeOpening(encodeOpening({ ...opening, alpn: ['', 'a b', 'h2', 'ü', 'y'.repeat(256), 'http/1.1'] }));
    deepEqual(read, { ...opening, alpn: ['h2', 'http/1.1'] });
  });
});
