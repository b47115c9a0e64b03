/** Records of a proxy as lines for people. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../../core/audit/event.ts';
import { auditLine } from '../../core/audit/line.ts';
import { parseRecord } from './read.ts';
import { recordWords } from './words.ts';

const led: AuditEvent = {
  time: '2026-11-21T10:00:00.000Z',
  id: 'x',
  service: 'out',
  listener: 'https://test',
  visitor: '192.0.2.7',
  viaRelay: false,
  who: 'certificate:lab',
  method: 'GET',
  host: 'a.example:8080',
  path: '/b',
  verdict: 'pass',
  code: null,
  why: null,
  status: 200,
  bytesIn: 0,
  bytesOut: 5,
  durationMs: 3,
};
const words = (changes: Partial<AuditEvent>): string => recordWords({ is: 'event', event: { ...led, ...changes } }).slice(9);

test('says where a proxy has led, and what a watch would have refused', () => {
  const why = 'would be refused: the firewall (protocol: twice) refuses two of a field that stands once';
  assert.equal(words({}), 'out 192.0.2.7 certificate:lab GET http://a.example:8080/b 200 5 B 3 ms');
  assert.match(words({ host: '[2001:db8::1]:80', why }), / GET http:\/\/\[2001:db8::1\]\/b 200 5 B 3 ms \(would be refused: /);
  assert.match(words({ method: 'CONNECT', path: 'a.example:443', host: 'a.example:443' }), / CONNECT a\.example:443 200 /);
});

test('a service of one’s own is named as it always was, and who went away is no note', () => {
  for (const host of ['blog.example', '[2001:db8::1]', '2001:db8::1', '', null])
    assert.match(words({ host }), / GET \/b 200 /, String(host));
  assert.match(words({ code: 'visitor-gone', why: 'the visitor closed the connection' }), / 3 ms$/);
});

test('the certificate that was shown is read back', () => {
  const event = { ...led, certificate: 'ab'.repeat(32) };
  assert.deepEqual(parseRecord(auditLine(event)), { is: 'event', event });
  assert.ok(!auditLine(led).includes('"certificate"'));
});
