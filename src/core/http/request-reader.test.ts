/** Tests of the reader of requests: conversations, limits, and one test for each class of attack. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldOf } from './fields.ts';
import { latin1 } from '../bytes.ts';
import { defaults, limitsWith } from '../limits.ts';
import type { RequestHead } from './head.ts';
import { type HeadStep, RequestReader } from './request-reader.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const readerOf = (changes = {}): RequestReader => new RequestReader({ limits: limitsWith({ ...defaults, ...changes }), latin1 });
const read = (text: string, reader = readerOf()): HeadStep<RequestHead> => reader.push(bytesOf(text), 0);

function head(lines: string, start = 'GET / HTTP/1.1'): RequestHead {
  const step = read(`${start}\r\nHost: a.example\r\n${lines}\r\n`);
  if (step.is !== 'head') assert.fail(JSON.stringify(step));
  return step.head;
}

function code(text: string): string {
  const step = read(text);
  return step.is === 'refused' ? step.fault.code : step.is;
}

const withHost = (lines: string, start = 'POST / HTTP/1.1'): string => `${start}\r\nHost: a.example\r\n${lines}\r\n`;

describe('RequestReader', () => {
  test('reads a head and says where it ended', () => {
    const bytes = bytesOf('??GET /a?b HTTP/1.1\r\nHost: A.Example:80\r\nX-A:  b c \r\n\r\nrest');
    const step = readerOf().push(bytes, 2);
    assert.deepEqual(step, {
      is: 'head',
      next: bytes.length - 4,
      head: {
        method: 'GET',
        target: '/a?b',
        path: { text: '/a', clear: true },
        minor: 1,
        fields: [fieldOf('Host', 'A.Example:80'), fieldOf('X-A', 'b c')],
        authority: { host: 'a.example', port: 80 },
        framing: { is: 'none' },
        persistent: true,
        expectsContinue: false,
        upgrade: null,
      },
    });
  });

  test('reads one head after the other (pipelining), and says whether one has begun', () => {
    const reader = readerOf();
    const bytes = bytesOf('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\nGE');
    const first = reader.push(bytes, 0);
    assert.ok(first.is === 'head' && first.head.target === '/1');
    assert.equal(reader.started, false);
    const second = reader.push(bytes, first.next);
    assert.ok(second.is === 'head' && second.head.target === '/2' && second.head.authority.host === 'b');
    assert.equal(reader.end(), null);
    assert.equal(reader.push(bytes, second.next).is, 'more');
    assert.equal(reader.started, true);
    assert.equal(reader.end()?.code, 'message-incomplete');
    const rest = reader.push(bytesOf('T /3 HTTP/1.1\r\nHost: c\r\n\r\n'), 0);
    assert.ok(rest.is === 'head' && rest.head.target === '/3' && rest.next === 26);
  });

  test('ignores one empty line before each request, as some send behind a body (RFC 9112, 2.2)', () => {
    const reader = readerOf();
    for (let turn = 0; turn < 3; turn += 1) assert.equal(read('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', reader).is, 'head');
    assert.equal(read('\r\n', reader).is, 'more');
    assert.equal(reader.started, false);
    assert.equal(reader.end(), null);
    assert.equal(read('\r\n', reader).is, 'refused');
  });

  test('keeps its fields when the chunk is overwritten later', () => {
    const chunk = bytesOf(withHost('X-A: kept\r\n', 'GET /kept HTTP/1.1'));
    const step = readerOf().push(chunk, 0);
    chunk.fill(120);
    assert.ok(step.is === 'head' && step.head.target === '/kept' && step.head.fields[1]?.value === 'kept');
  });

  test('refuses for good: nothing is read after a fault', () => {
    const reader = readerOf();
    assert.equal(read('nonsense\r\n', reader).is, 'refused');
    assert.equal(read('GET / HTTP/1.1\r\nHost: a\r\n\r\n', reader).is, 'refused');
    assert.equal(reader.end()?.code, 'head-malformed');
  });

  test('tells persistence by version and Connection', () => {
    assert.equal(head('').persistent, true);
    assert.equal(head('Connection: close\r\n').persistent, false);
    assert.equal(head('Connection: keep-alive, CLOSE\r\n').persistent, false);
    assert.equal(head('Connection: a\r\nConnection: close\r\n').persistent, false);
    assert.equal(head('', 'GET / HTTP/1.0').persistent, false);
    assert.equal(head('Connection: Keep-Alive\r\n', 'GET / HTTP/1.0').persistent, true);
  });

  test('expects 100-continue only where a body follows in HTTP/1.1', () => {
    assert.equal(head('Expect: 100-Continue\r\nContent-Length: 1\r\n', 'POST / HTTP/1.1').expectsContinue, true);
    assert.equal(head('Expect: 100-continue\r\n').expectsContinue, false);
    assert.equal(head('Expect: 100-continue\r\nContent-Length: 1\r\n', 'POST / HTTP/1.0').expectsContinue, false);
    assert.equal(code(withHost('Expect: 100-continue, x\r\n')), 'expectation-refused');
  });

  test('an HTTP/1.0 request may come without Host', () => {
    const step = read('GET / HTTP/1.0\r\n\r\n');
    assert.ok(step.is === 'head' && step.head.authority.host === '' && step.head.minor === 0);
  });
});

describe('limits', () => {
  test('takes a head of exactly headBytesMax and refuses one byte more, at every split', () => {
    const fitting = withHost('X: \r\n', 'GET / HTTP/1.1');
    const full = withHost(`X: ${'a'.repeat(200 - fitting.length)}\r\n`, 'GET / HTTP/1.1');
    assert.equal(full.length, 200);
    for (let cut = 0; cut <= 201; cut += 1) {
      const good = readerOf({ headBytesMax: 200 });
      const bad = readerOf({ headBytesMax: 199 });
      const goodSteps = [good.push(bytesOf(full.slice(0, cut)), 0), good.push(bytesOf(full.slice(cut)), 0)];
      assert.ok(
        goodSteps.some((step) => step.is === 'head'),
        `${cut}`,
      );
      const badSteps = [bad.push(bytesOf(full.slice(0, cut)), 0), bad.push(bytesOf(full.slice(cut)), 0)];
      assert.ok(
        badSteps.some((step) => step.is === 'refused' && step.fault.code === 'head-too-large'),
        `${cut}`,
      );
    }
  });

  test('a head that comes byte by byte costs as much as one that comes whole', () => {
    const reader = readerOf();
    const start = performance.now();
    for (const octet of bytesOf(`GET / HTTP/1.1\r\nX: ${'a'.repeat(16_000)}`)) reader.push(Uint8Array.of(octet), 0);
    assert.ok(performance.now() - start < 500);
    assert.equal(reader.started, true);
  });

  test('refuses a long target, a long method and a 101st field as what they are', () => {
    assert.equal(code(`GET /${'a'.repeat(8192)} HTTP/1.1\r\n`), 'target-too-long');
    assert.equal(code(`GET /${'a'.repeat(20_000)}`), 'target-too-long');
    assert.equal(code(`${'A'.repeat(33)}`), 'method-refused');
    assert.equal(code(withHost('X: y\r\n'.repeat(100))), 'fields-too-many');
    assert.equal(code(withHost('X: y\r\n'.repeat(99))), 'head');
  });

  test('header count truncation: Transfer-Encoding as the 2,005th field is not overlooked', () => {
    assert.equal(code(withHost(`${'X:\r\n'.repeat(2004)}Transfer-Encoding: chunked\r\n`)), 'fields-too-many');
  });
});

describe('attack classes', () => {
  test('CL.TE and TE.CL: both framings are refused in either order', () => {
    assert.equal(code(withHost('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n')), 'framing-ambiguous');
    assert.equal(code(withHost('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n')), 'framing-ambiguous');
  });

  test('TE.TE: only chunked, once and plain', () => {
    const odd = [
      'gzip',
      'gzip, chunked',
      'chunked, chunked',
      'chunked,',
      ',chunked',
      'xchunked',
      'chunked;q=1',
      '"chunked"',
      '',
      'identity',
      'chunked\xa0',
      '\x85chunked',
    ];
    for (const value of odd) assert.equal(code(withHost(`Transfer-Encoding: ${value}\r\n`)), 'framing-ambiguous', value);
    assert.equal(code(withHost('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n')), 'framing-ambiguous');
    assert.equal(code(withHost('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0')), 'framing-ambiguous');
  });

  test('CL.0, TE.0 and 0.CL: a body on any method is framed, so that it is never the next request', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST']) {
      assert.deepEqual(head('Content-Length: 44\r\n', `${method} / HTTP/1.1`).framing, { is: 'length', length: 44 });
      assert.deepEqual(head('Transfer-Encoding: chunked\r\n', `${method} / HTTP/1.1`).framing, { is: 'chunked' });
    }
    assert.equal(code(withHost('Content-Length: 0\r\nContent-Length: 44\r\n')), 'framing-ambiguous');
    assert.equal(code(withHost('Expect:\r\n 100-continue\r\nContent-Length: 44\r\n', 'OPTIONS / HTTP/1.1')), 'field-malformed');
    assert.equal(code(withHost('Content-Length: 5\r\n', 'TRACE / HTTP/1.1')), 'framing-ambiguous');
  });

  test('header end and CR: no bare CR, no bare LF, no folding, no empty name', () => {
    for (const lines of [
      'X: a\rb\r\n',
      'X: a\nb: c\r\n',
      'X: a\r\n b\r\n',
      ': a\r\n',
      ' X: a\r\n',
      'X : a\r\n',
      'X\r\n',
      'X: a\0\r\n',
      'X\r: a\r\n',
    ]) {
      assert.equal(code(withHost(lines)), 'field-malformed', JSON.stringify(lines));
    }
    assert.equal(code('GET / HTTP/1.1\r\nHost: a\r\n\rX'), 'head-malformed');
    assert.equal(code('GET / HTTP/1.1\rHost: a'), 'head-malformed');
    assert.equal(code('GET / HTTP/1.1\nHost: a'), 'head-malformed');
    assert.equal(code('\r\n\r\nGET / HTTP/1.1\r\n'), 'head-malformed');
    assert.equal(code('\rGET'), 'head-malformed');
  });

  test('Host header: exactly one, and one that names a host', () => {
    assert.equal(code('GET / HTTP/1.1\r\n\r\n'), 'host-malformed');
    assert.equal(code(withHost('Host: a.example\r\n')), 'host-malformed');
    assert.equal(code('GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n'), 'host-malformed');
    for (const value of ['', 'a, b', 'a b', 'a/b', 'u@a', 'a:b', '[::1', 'é', '"a"', 'a..b', 'a%00']) {
      assert.equal(code(`GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`), 'host-malformed', value);
    }
    assert.equal(code('GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n'), 'host-mismatched');
  });

  test('h2c upgrade smuggling: h2c and every other protocol is ignored, the preface of HTTP/2 refused', () => {
    assert.equal(head('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n').upgrade, null);
    assert.equal(head('Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n').upgrade, null);
    assert.equal(code('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'version-refused');
  });

  test('a WebSocket begins as RFC 6455 says, or not at all', () => {
    const asked = 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n';
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    const version = 'Sec-WebSocket-Version: 13\r\n';
    assert.equal(head(asked + key + version).upgrade, 'websocket');
    assert.equal(head(`Upgrade: websocket\r\n${key}${version}`).upgrade, null, 'without Connection: Upgrade');
    assert.equal(head(asked + key + version, 'GET / HTTP/1.0').upgrade, null, 'in HTTP/1.0');
    const refused = [
      key,
      version,
      `${key}Sec-WebSocket-Version: 8\r\n`,
      `${version}Sec-WebSocket-Key: short\r\n`,
      `${key}${version}Content-Length: 5\r\n`,
      `${key}${version}Transfer-Encoding: chunked\r\n`,
    ];
    for (const lines of refused) assert.equal(code(withHost(asked + lines, 'GET / HTTP/1.1')), 'upgrade-refused', lines);
    assert.equal(code(withHost(asked + key + version)), 'upgrade-refused', 'with POST');
    assert.equal(code(withHost(asked + key + key + version, 'GET / HTTP/1.1')), 'field-malformed', 'with two keys');
  });

  test('prototype names are fields like others', () => {
    const { fields } = head('__proto__: a\r\nconstructor: b\r\ntoString: c\r\nhasOwnProperty: d\r\n');
    assert.deepEqual(
      fields.slice(1).map(({ lower, value }) => [lower, value]),
      [
        ['__proto__', 'a'],
        ['constructor', 'b'],
        ['tostring', 'c'],
        ['hasownproperty', 'd'],
      ],
    );
  });

  test('names that fall into one slot of the cache keep their own spelling', () => {
    const names = Array.from({ length: 5000 }, (_, number) => `X-${(number * 7919).toString(36)}`);
    for (let at = 0; at < names.length; at += 50) {
      const some = [...names.slice(at, at + 50), ...names.slice(at, at + 40).map((name) => name.toUpperCase())];
      const { fields } = head(some.map((name) => `${name}: v\r\n`).join(''));
      assert.deepEqual(
        fields.slice(1).map(({ name, lower }) => [name, lower]),
        some.map((name) => [name, name.toLowerCase()]),
      );
    }
  });
});
