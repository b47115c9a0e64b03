/** Another proxy's answers: each has one reading, or it is not believed. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestReader } from '../http/request-reader.ts';
import { defaults } from '../limits.ts';
import { absoluteHeadText, askByHttp, askBySocks, type AskStep } from './asking.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const latin1 = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
const target = { host: 'a.example', port: 443 };
const ana = { user: 'ana', password: 'größer' };

describe('CONNECT', () => {
  const answered = (text: string): AskStep => askByHttp(target, null, defaults).push(bytesOf(text));
  const why = (text: string): string => {
    const step = answered(text);
    return step.is === 'refused' ? step.why : step.is;
  };

  it('names the place twice and shows who asks', () => {
    const text = new TextDecoder().decode(askByHttp({ host: '[2001:db8::1]', port: 8_443 }, ana, defaults).opening);
    assert.match(
      text,
      /^CONNECT \[2001:db8::1\]:8443 HTTP\/1\.1\r\nHost: \[2001:db8::1\]:8443\r\nProxy-Authorization: Basic [\w+/]+=*\r\n\r\n$/,
    );
    assert.doesNotMatch(new TextDecoder().decode(askByHttp(target, null, defaults).opening), /Authorization/);
  });

  it('2xx opens, and what follows is the destination’s', () => {
    const head = 'HTTP/1.1 200 Connection established\r\n\r\n';
    assert.deepEqual(answered(`${head}SSH-2.0`), { is: 'open', next: head.length });
    assert.deepEqual(answered(`HTTP/1.1 103 Early Hints\r\n\r\n${head}`), { is: 'open', next: 28 + head.length });
    assert.equal(why('HTTP/1.1 200'), 'more');
  });

  it('everything else says why, by its status or by Proxy-Status', () => {
    assert.equal(why('HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n'), 'credentials');
    assert.equal(why('HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n'), 'denied');
    assert.equal(why('HTTP/1.1 502 x\r\nProxy-Status: sallyport; error=dns_error\r\nContent-Length: 0\r\n\r\n'), 'unresolved');
    assert.equal(why('HTTP/1.1 502 x\r\nProxy-Status: other; error=strange\r\nContent-Length: 0\r\n\r\n'), 'unreachable');
    assert.equal(why('HTTP/1.1 504 x\r\nContent-Length: 0\r\n\r\n'), 'timed-out');
    assert.equal(why('HTTP/1.1 501 x\r\nContent-Length: 0\r\n\r\n'), 'unsupported');
    assert.equal(why('HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n'), 'busy');
    assert.equal(why('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'), 'malformed');
    assert.equal(why('SSH-2.0-x\r\n\r\n'), 'malformed');
    assert.equal(why(`HTTP/1.1 200 x\r\nX: ${'y'.repeat(defaults.headBytesMax)}\r\n`), 'malformed');
  });
});

describe('SOCKS 5', () => {
  it('shows a name and a password where it is asked for them, and asks by the right kind of address', () => {
    const asking = askBySocks({ host: '192.0.2.7', port: 258 }, ana);
    assert.ok(asking !== null);
    assert.deepEqual([...asking.opening], [5, 2, 0, 2]);
    const shown = asking.push(Uint8Array.from([5, 2]));
    assert.ok(shown.is === 'say');
    assert.deepEqual([...shown.bytes.subarray(0, 5)], [1, 3, 97, 110, 97]);
    const asked = asking.push(Uint8Array.from([1, 0]));
    assert.ok(asked.is === 'say');
    assert.deepEqual([...asked.bytes], [5, 1, 0, 1, 192, 0, 2, 7, 1, 2]);
    assert.deepEqual(asking.push(Uint8Array.from([5, 0, 0, 1, 0, 0])), { is: 'more' });
    assert.deepEqual(asking.push(Uint8Array.from([0, 0, 0, 0, 7, 7])), { is: 'open', next: 4 });
    const six = askBySocks({ host: '[2001:db8::1]', port: 1 }, null);
    assert.deepEqual([...(six?.opening ?? [])], [5, 1, 0]);
    const bySix = six?.push(Uint8Array.from([5, 0]));
    assert.ok(bySix?.is === 'say');
    assert.deepEqual([...bySix.bytes.subarray(0, 6)], [5, 1, 0, 4, 0x20, 1]);
  });

  it('hostile proxy: other versions, methods that were not offered, words behind the answer, replies without a meaning', () => {
    const first = (shown: typeof ana | null, ...said: readonly number[]): string => {
      const step = askBySocks(target, shown)?.push(Uint8Array.from(said));
      return step?.is === 'refused' ? step.why : (step?.is ?? 'none');
    };
    assert.equal(first(null, 4, 90), 'malformed');
    assert.equal(first(null, 5, 2), 'malformed');
    assert.equal(first(ana, 5, 1), 'malformed');
    assert.equal(first(null, 5, 255), 'credentials');
    assert.equal(first(null, 5, 0, 5), 'malformed');
    const reply = (code: number): string => {
      const asking = askBySocks(target, null);
      asking?.push(Uint8Array.from([5, 0]));
      const step = asking?.push(Uint8Array.from([5, code, 0, 1]));
      return step?.is === 'refused' ? step.why : (step?.is ?? 'none');
    };
    assert.deepEqual([1, 2, 5, 6, 99, 0].map(reply), ['unreachable', 'denied', 'refused', 'timed-out', 'malformed', 'more']);
    assert.equal(askBySocks(target, { user: 'x'.repeat(256), password: 'y' }), null);
  });
});

it('a request in absolute form goes on once, with our credential and without the client’s', () => {
  const text =
    'POST http://a.example:81/x?y HTTP/1.1\r\nHost: other\r\nProxy-Authorization: Basic eDp5\r\nConnection: x-mine\r\nX-Mine: 1\r\nContent-Length: 3\r\nCookie: a=b\r\n\r\n';
  const step = new RequestReader({ limits: defaults, latin1, forwardProxy: true }).push(bytesOf(text), 0);
  assert.ok(step.is === 'head');
  const said = absoluteHeadText(step.head, { user: 'u', password: 'p' });
  assert.equal(
    said,
    'POST http://a.example:81/x?y HTTP/1.1\r\nHost: a.example:81\r\nContent-Length: 3\r\nCookie: a=b\r\nProxy-Authorization: Basic dTpw\r\nConnection: close\r\n\r\n',
  );
});
