/** A relay's word of a visitor is believed in one spelling only. */

import { deepEqual, equal } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { arrivalOf } from './tunnel-arrival.ts';

const opening = { id: '01J5', ip: '192.0.2.7', visitorPort: 50_000, listenerPort: 2_222, sni: 'tcp/2222', alpn: [] };
const stream = new PassThrough();

test('an arrival at a port says that port, in its one spelling', () => {
  const arrival = arrivalOf(stream, opening);
  deepEqual([arrival?.sni, arrival?.port, arrival?.from], ['tcp/2222', 2_222, { ip: '192.0.2.7', port: 50_000 }]);
  equal(arrivalOf(stream, { ...opening, sni: 'blog.example.org' })?.sni, 'blog.example.org');
});

test('route confusion: a port that is another one than the listener’s, or none, is no arrival', () => {
  for (const sni of ['tcp/22', 'udp/22', 'tcp/02222', 'sctp/2222', 'tcp/2222/', '/2222', 'Blog.example.org'])
    equal(arrivalOf(stream, { ...opening, sni }), null, sni);
  equal(arrivalOf(stream, { ...opening, ip: '192.0.2.007' }), null);
});
