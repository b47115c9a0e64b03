/** Tests of the reader of bodies. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { latin1 } from '../bytes.ts';
import type { Fault } from '../errors.ts';
import { defaults, limitsWith } from '../limits.ts';
import { BodyReader } from './body-reader.ts';
import type { Framing } from './head.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const chunked: Framing = { is: 'chunked' };

type Outcome = Readonly<{ content: string; left: string; done: boolean; fault: Fault | null; trailers: readonly string[] }>;

function read(framing: Framing, pieces: readonly Uint8Array[], limits = defaults): Outcome {
  const reader = new BodyReader(framing, limits, latin1);
  let content = '';
  let left = '';
  let fault: Fault | null = null;
  for (const piece of pieces) {
    const next: number | Fault = reader.push(piece, 0, (start, end) => (content += latin1(piece, start, end)));
    if (typeof next !== 'number') {
      fault = next;
      break;
    }
    left += latin1(piece, next, piece.length);
  }
  assert.equal(reader.bytes, content.length);
  return { content, left, done: reader.done, fault, trailers: reader.trailers.map(({ name, value }) => `${name}: ${value}`) };
}

/** The outcome of the whole, having held it against that of every split in two. */
function readEverySplit(framing: Framing, text: string): Outcome {
  const bytes = bytesOf(text);
  const whole = read(framing, [bytes]);
  for (let at = 1; at < bytes.length; at += 1)
    assert.deepEqual(read(framing, [bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
  return whole;
}

describe('BodyReader', () => {
  test('reads a length, and leaves what follows to the next message', () => {
    const { content, left, done } = readEverySplit({ is: 'length', length: 5 }, 'helloGET /');
    assert.deepEqual({ content, left, done }, { content: 'hello', left: 'GET /', done: true });
  });

  test('is done at once where there is no body', () => {
    for (const framing of [{ is: 'none' }, { is: 'length', length: 0 }] as const) {
      assert.deepEqual(read(framing, [bytesOf('GET')]), { content: '', left: 'GET', done: true, fault: null, trailers: [] });
    }
  });

  test('a body until close is done when the stream ends', () => {
    const reader = new BodyReader({ is: 'close' }, defaults, latin1);
    assert.equal(
      reader.push(bytesOf('abc'), 1, () => undefined),
      3,
    );
    assert.equal(reader.done, false);
    assert.equal(reader.end(), null);
    assert.equal(reader.done, true);
  });

  test('an end within a body is a fault', () => {
    for (const [framing, text] of [
      [{ is: 'length', length: 5 }, 'hell'],
      [chunked, '5\r\nhello\r\n0\r\n'],
      [chunked, ''],
    ] as const) {
      const reader = new BodyReader(framing, defaults, latin1);
      reader.push(bytesOf(text), 0, () => undefined);
      assert.equal(reader.end()?.code, 'message-incomplete');
    }
  });

  test('reads chunks, leading zeros and extensions, which it forgets', () => {
    const { content, left, done } = readEverySplit(
      chunked,
      '5\r\nhello\r\n0003;a;b=c;d="e \\" f"\r\nabc\r\nA\r\n0123456789\r\n000;z\r\n\r\nGET /',
    );
    assert.deepEqual({ content, left, done }, { content: 'helloabc0123456789', left: 'GET /', done: true });
  });

  test('what was cut into chunks comes out whole, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' })), fc.array(fc.nat(400)), (parts, cuts) => {
        const bytes = bytesOf(`${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`);
        const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
        const outcome = read(
          chunked,
          places.slice(1).map((to, index) => bytes.subarray(places[index], to)),
        );
        assert.deepEqual({ content: outcome.content, done: outcome.done }, { content: parts.join(''), done: true });
      }),
    );
  });
});

describe('chunk parsing', () => {
  const after = '\r\nabc\r\n0\r\n\r\n';

  test('refuses every size that is not hexadecimal digits and nothing else', () => {
    for (const size of ['', ' 3', '3 ', '+3', '-3', '0x3', '3_0', '3.0', 'g', '3\t', '\t3', '3,', '3\0', '3 ;a', '３']) {
      assert.equal(readEverySplit(chunked, size + after).fault?.code, 'body-malformed', JSON.stringify(size));
    }
  });

  test('refuses sizes past 2^52 and past 16 digits, before anything is kept', () => {
    for (const size of ['10000000000000', 'fffffffffffffffff', '00000000000000003', '10000000000000003'])
      assert.equal(read(chunked, [bytesOf(size)]).fault?.code, 'body-malformed', size);
    assert.equal(read(chunked, [bytesOf('fffffffffffff\r\n')]).fault, null);
  });

  test('refuses bare CR and LF, and data that is longer or shorter than it said', () => {
    for (const body of [
      '3\nabc\r\n0\r\n\r\n',
      '3\r\nabc\n0\r\n\r\n',
      '3\r\nabc0\r\n\r\n',
      '3\r\nabcd\r\n0\r\n\r\n',
      '3\r\rabc',
      '3\r\nabc\r\n0\n\r\n',
      '3\r\nabc\r\n0\r\n\rX',
      '0\r\n\n',
    ]) {
      assert.equal(readEverySplit(chunked, body).fault?.code, 'body-malformed', JSON.stringify(body));
    }
  });

  test('refuses malformed extensions', () => {
    for (const extension of [';', ';=b', ';a=', ';a="b', ';a="b\n"', ';a="\\', ';a="b"c', ';a b', ';a =b', ';a\0', ';a;;b', ';é']) {
      assert.equal(readEverySplit(chunked, `3${extension}${after}`).fault?.code, 'body-malformed', extension);
    }
  });

  test('a megabyte of chunk extension is refused in no time', () => {
    const start = performance.now();
    assert.equal(read(chunked, [bytesOf(`3;${'a'.repeat(1_000_000)}`)]).fault?.why, 'a chunk line that is too long');
    const many = bytesOf(`1;${'a'.repeat(200)}\r\nx\r\n`.repeat(5000));
    assert.equal(read(chunked, [many]).fault?.why, 'chunk extensions that outweigh the content');
    assert.ok(performance.now() - start < 200);
  });

  test('signed uploads with an extension in every chunk go through', () => {
    const chunk = `400;chunk-signature=${'a'.repeat(64)}\r\n${'x'.repeat(1024)}\r\n`;
    assert.equal(read(chunked, [bytesOf(`${chunk.repeat(1000)}0\r\n\r\n`)]).done, true);
  });
});

describe('trailers', () => {
  test('names that say how a message is read end the reading: other parsers take them at their word even there', () => {
    for (const line of [
      'Connection: close',
      'connection: keep-alive',
      'Upgrade: h2c',
      'Proxy-Connection: close',
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
    ]) {
      const { fault } = readEverySplit(chunked, `0\r\nX-Sum: 1\r\n${line}\r\n\r\n`);
      assert.equal(fault?.code, 'body-malformed', line);
    }
  });

  test('are read, and those that mean something else after the body are dropped', () => {
    const lines = [
      'X-Sum: 1',
      'Host: evil',
      'Authorization: x',
      'X-Forwarded-For: 127.0.0.1',
      'X_Real_IP: 1',
      'Cookie: a',
      'Set-Cookie: a',
      'Content-Type: x',
      'Sallyport-User: x',
      'Server-Timing: a',
    ];
    const { trailers, done } = readEverySplit(chunked, `0\r\n${lines.join('\r\n')}\r\n\r\n`);
    assert.deepEqual({ trailers, done }, { trailers: ['X-Sum: 1', 'Server-Timing: a'], done: true });
  });

  test('are refused when malformed, when they frame again, and when there are too many', () => {
    for (const lines of [
      'X : a\r\n',
      'X: a\r\n b\r\n',
      'X\r\n',
      'X: \0\r\n',
      'X: a\n',
      'Content-Length: 5\r\n',
      'transfer-encoding: chunked\r\n',
    ]) {
      assert.equal(readEverySplit(chunked, `0\r\n${lines}\r\n`).fault?.code, 'body-malformed', JSON.stringify(lines));
    }
    assert.equal(read(chunked, [bytesOf(`0\r\nX: ${'a'.repeat(5000)}\r\n\r\n`)]).fault?.code, 'body-malformed');
    assert.equal(read(chunked, [bytesOf('0\r\nX: a\r\nY: b\r\n\r\n')], limitsWith({ headFieldsMax: 1 })).fault?.code, 'body-malformed');
  });
});
