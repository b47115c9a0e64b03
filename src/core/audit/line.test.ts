import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from './event.ts';
import { auditLine, droppedLine } from './line.ts';

const event: AuditEvent = {
  time: '2026-11-21T10:00:00.000Z',
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  service: 'blog',
  listener: 'https://127.0.0.1:8443',
  visitor: '192.0.2.1',
  viaRelay: true,
  who: 'user:ana',
  method: 'GET',
  host: 'blog.example.org',
  path: '/posts',
  verdict: 'pass',
  code: null,
  why: null,
  status: 200,
  bytesIn: 0,
  bytesOut: 71,
  durationMs: 1.25,
};

describe('the line of an event', () => {
  it('is one JSON object with every key of the event', () => {
    const line = auditLine(event);
    assert.equal(line.at(-1), '\n');
    assert.deepEqual(JSON.parse(line), event);
    const refused: AuditEvent = {
      ...event,
      service: null,
      who: null,
      method: null,
      host: null,
      path: null,
      verdict: 'refuse',
      code: 'head-malformed',
      why: 'x',
      status: null,
    };
    assert.deepEqual(JSON.parse(auditLine(refused)), refused);
  });

  it('stays one line of printable ASCII whatever a visitor sends (log injection)', () => {
    const nasty = [
      '/a\r\nINFO admin logged in',
      '\u001b[2J\u001b]0;title\u0007',
      '\0',
      '\u202Eevil\u2066x\u200F',
      '\u2028\u2029\u0085\u009b31m',
      '"},{"verdict":"pass"',
      '\\',
      '\ud800 half \udfff',
      '💥ü',
      '\u007f',
    ];
    for (const text of nasty) {
      for (const key of ['path', 'host', 'why', 'who', 'listener', 'visitor', 'method', 'service', 'id'] as const) {
        const line = auditLine({ ...event, [key]: text });
        assert.match(line, /^[ -~]+\n$/, JSON.stringify(text));
        assert.deepEqual(JSON.parse(line), { ...event, [key]: text });
      }
    }
  });

  it('cuts a text that is too long, and stays JSON', () => {
    const { path } = JSON.parse(auditLine({ ...event, path: `/${'"'.repeat(100_000)}` })) as AuditEvent;
    assert.equal(path, `/${'"'.repeat(2_047)}...`);
    assert.ok(auditLine({ ...event, path: '\u0000'.repeat(100_000), host: 'h'.repeat(9_999) }).length < 16_000);
  });

  it('writes numbers that JSON has not as null', () => {
    assert.equal((JSON.parse(auditLine({ ...event, durationMs: Number.NaN })) as AuditEvent).durationMs, null);
  });

  it('says how many were dropped', () => {
    assert.deepEqual(JSON.parse(droppedLine(event.time, 7)), { time: event.time, dropped: 7 });
  });
});
