import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaults } from '../limits.ts';
import type { RequestHead } from './head.ts';
import { readStreamRequest, readStreamTrailers, type RawFields } from './stream-request.ts';

const ordinary = [':method', 'GET', ':scheme', 'https', ':path', '/a?b', ':authority', 'Blog.Example:443'];
const read = (raw: RawFields, ended = true): ReturnType<typeof readStreamRequest> =>
  readStreamRequest(raw, { limits: defaults, ended, newKey: () => 'AAAAAAAAAAAAAAAAAAAAAA==' });

function head(raw: RawFields, ended = true): RequestHead {
  const found = read(raw, ended);
  if ('code' in found) throw new Error(`${found.code}: ${found.why}`);
  return found;
}

function codeOf(raw: RawFields, ended = true): string | null {
  const found = read(raw, ended);
  return 'code' in found ? found.code : null;
}

test('h2 to h1: a request of HTTP/2 is what HTTP/1.1 would have said', () => {
  const found = head([...ordinary, 'accept', '*/*']);
  assert.deepEqual(
    { ...found, fields: found.fields.map(({ line }) => line) },
    {
      method: 'GET',
      target: '/a?b',
      path: { text: '/a', clear: true },
      authority: { host: 'blog.example', port: 443 },
      minor: 1,
      persistent: true,
      fields: ['accept: */*\r\n'],
      framing: { is: 'none' },
      expectsContinue: false,
      upgrade: null,
    },
  );
});

test('the length is what was said, what the end says, or not known', () => {
  assert.deepEqual(head(ordinary, false).framing, { is: 'chunked' });
  assert.deepEqual(head([...ordinary, 'content-length', '5'], false).framing, { is: 'length', length: 5 });
  assert.deepEqual(head([...ordinary, 'content-length', '0']).framing, { is: 'length', length: 0 });
  for (const value of ['5', '+0', '0x0', '', '1,1', '99999999999999999999']) {
    assert.equal(codeOf([...ordinary, 'content-length', value]), 'framing-ambiguous', value);
  }
});

test(':authority and host agree, in whatever spelling, and one of them is there', () => {
  assert.equal(head([...ordinary, 'host', 'blog.example:443']).authority.host, 'blog.example');
  assert.equal(head([...ordinary.slice(0, 6), 'host', 'blog.example']).authority.host, 'blog.example');
  assert.equal(codeOf([...ordinary, 'host', 'blog.example']), 'host-mismatched');
  assert.equal(codeOf([...ordinary, 'host', '']), 'host-malformed');
  assert.equal(codeOf(ordinary.slice(0, 6)), 'host-malformed');
});

test('nothing in a name or a value begins another field where it is written as a line', () => {
  for (const octet of ['\r', '\n', '\0', '\x7f', '\x01']) {
    assert.equal(codeOf([...ordinary, 'x-a', `a${octet}b`]), 'field-malformed');
    assert.equal(codeOf([...ordinary, `x${octet}a`, 'b']), 'field-malformed');
  }
  for (const name of ['', 'x a', 'x:a', 'X-A', 'naïve']) assert.equal(codeOf([...ordinary, name, 'b']), 'field-malformed', name);
  assert.equal(head([...ordinary, 'x-a', 'caf\xe9 \t latin']).fields.length, 1);
});

test('a WebSocket is an upgrade with a key of ours; other protocols and ends are refused', () => {
  const asked = [':method', 'CONNECT', ':protocol', 'websocket', ...ordinary.slice(2)];
  const found = head([...asked, 'sec-websocket-version', '13', 'sec-websocket-key', 'theirs', 'origin', 'https://blog.example'], false);
  assert.deepEqual([found.method, found.upgrade, found.framing.is], ['GET', 'websocket', 'none']);
  assert.deepEqual(
    found.fields.map(({ line }) => line),
    ['sec-websocket-version: 13\r\n', 'origin: https://blog.example\r\n', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'],
  );
  assert.equal(codeOf([...asked, 'sec-websocket-version', '13'], true), 'upgrade-refused');
  assert.equal(codeOf([...asked, 'sec-websocket-version', '8'], false), 'upgrade-refused');
  assert.equal(codeOf([...ordinary, ':protocol', 'websocket'], false), 'head-malformed');
  assert.equal(codeOf([':method', 'CONNECT', ':protocol', 'connect-udp', ...ordinary.slice(2)], false), 'upgrade-refused');
  assert.equal(codeOf([':method', 'CONNECT', ':authority', 'a.example:443'], false), 'method-refused');
});

test('trailers: those that frame, route or authenticate are left behind, and none is a pseudo-header field', () => {
  const kept = readStreamTrailers(['grpc-status', '0', 'host', 'evil', 'authorization', 'x', 'content-length', '4'], defaults);
  assert.deepEqual('code' in kept ? kept : kept.map(({ lower }) => lower), ['grpc-status']);
  const wrong: readonly RawFields[] = [
    [':path', '/'],
    ['x-a', 'a\r\nb'],
    ['connection', 'x-a'],
    ['x-a', 'b'.repeat(5_000)],
  ];
  for (const raw of wrong) {
    assert.ok('code' in readStreamTrailers(raw, defaults), raw.join());
  }
});
