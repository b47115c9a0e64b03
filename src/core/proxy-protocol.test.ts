import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaults } from './limits.ts';
import { proxyHeader, ProxyHeaderReader } from './proxy-protocol.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const hex = (text: string): Uint8Array => Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const SIGNATURE = '0d0a0d0a000d0a515549540a';
const V4 = 'c6336407 0a000001 d431 01bb';
const V6 = '20010db8000000000000000000000007 20010db8000000000000000000000001 d431 01bb';

/** `rest`: what follows the header and must stay untouched. */
type Vector = readonly [name: string, bytes: Uint8Array, found: string];

const vectors: readonly Vector[] = [
  ['v1 over IPv4', bytesOf('PROXY TCP4 198.51.100.7 10.0.0.1 54321 443\r\n'), '198.51.100.7 54321'],
  ['v1 over IPv6', bytesOf('PROXY TCP6 2001:DB8::7 ::1 1 65535\r\n'), '2001:db8::7 1'],
  ['v1 of a v4-mapped address, folded', bytesOf('PROXY TCP6 ::ffff:198.51.100.7 ::1 1 2\r\n'), '198.51.100.7 1'],
  ['v1 unknown', bytesOf('PROXY UNKNOWN\r\n'), 'itself'],
  ['v1 unknown with addresses', bytesOf('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), 'itself'],
  ['v1, the longest', bytesOf('PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535'.padEnd(105, '9') + '\r\n'), 'itself'],
  ['v2 over IPv4', hex(`${SIGNATURE} 21 11 000c ${V4}`), '198.51.100.7 54321'],
  ['v2 over IPv6', hex(`${SIGNATURE} 21 21 0024 ${V6}`), '2001:db8::7 54321'],
  ['v2 with extensions, passed over', hex(`${SIGNATURE} 21 11 0013 ${V4} 04 0004 00000000`), '198.51.100.7 54321'],
  ['v2 local', hex(`${SIGNATURE} 20 00 0000`), 'itself'],
  ['v2 local with addresses, which mean nothing', hex(`${SIGNATURE} 20 11 000c ${V4}`), 'itself'],
  ['v2 unspecified', hex(`${SIGNATURE} 21 00 0000`), 'itself'],

  ['no header: a request', bytesOf('GET / HTTP/1.1\r\n'), 'refused'],
  ['no header: a TLS hello', hex('160301'), 'refused'],
  ['no header: another method', bytesOf('POST / HTTP/1.1\r\n'), 'refused'],
  ['v1 without CR', bytesOf('PROXY TCP4 198.51.100.7 10.0.0.1 1 2\n'), 'refused'],
  ['v1 too long', bytesOf(`PROXY UNKNOWN ${'9'.repeat(100)}`), 'refused'],
  ['v1 of the wrong family', bytesOf('PROXY TCP4 ::1 ::1 1 2\r\n'), 'refused'],
  ['v1 of both families', bytesOf('PROXY TCP4 198.51.100.7 ::1 1 2\r\n'), 'refused'],
  ['v1 over UDP', bytesOf('PROXY UDP4 198.51.100.7 10.0.0.1 1 2\r\n'), 'refused'],
  ['v1 in small letters', bytesOf('proxy TCP4 198.51.100.7 10.0.0.1 1 2\r\n'), 'refused'],
  ['v1 with two spaces', bytesOf('PROXY  TCP4 198.51.100.7 10.0.0.1 1 2\r\n'), 'refused'],
  ['v1 with an octal address', bytesOf('PROXY TCP4 198.51.100.07 10.0.0.1 1 2\r\n'), 'refused'],
  ['v1 with a zero before a port', bytesOf('PROXY TCP4 198.51.100.7 10.0.0.1 01 2\r\n'), 'refused'],
  ['v1 with a port too large', bytesOf('PROXY TCP4 198.51.100.7 10.0.0.1 65536 2\r\n'), 'refused'],
  ['v1 with more behind', bytesOf('PROXY TCP4 198.51.100.7 10.0.0.1 1 2 3\r\n'), 'refused'],
  ['v1 with a zone', bytesOf('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'), 'refused'],
  ['v2 of another version', hex(`${SIGNATURE} 11 11 000c ${V4}`), 'refused'],
  ['v2 of another command', hex(`${SIGNATURE} 22 11 000c ${V4}`), 'refused'],
  ['v2 over UDP', hex(`${SIGNATURE} 21 12 000c ${V4}`), 'refused'],
  ['v2 of a Unix socket', hex(`${SIGNATURE} 21 31 0000`), 'refused'],
  ['v2 too short for its family', hex(`${SIGNATURE} 21 11 000b ${V4.slice(0, -2)}`), 'refused'],
  ['v2 of IPv6 with the length of IPv4', hex(`${SIGNATURE} 21 21 000c ${V4}`), 'refused'],
  ['v2 too long', hex(`${SIGNATURE} 21 11 ffff`), 'refused'],
  ['v2 cut short', hex(`${SIGNATURE} 21 11 000c c63364`), 'more'],
  ['v1 cut short', bytesOf('PROXY TCP4 198.51.100.7 10.0.0.1 1 2\r'), 'more'],
];

function found(pieces: readonly Uint8Array[]): readonly [found: string, rest: number] {
  const reader = new ProxyHeaderReader(defaults.proxyHeaderBytesMax);
  let before = 0;
  for (const piece of pieces) {
    const reading = reader.push(piece);
    if (reading.is === 'refused') {
      assert.equal(reading.fault.code, 'preamble-malformed');
      return ['refused', 0];
    }
    if (reading.is === 'header')
      return [reading.from === null ? 'itself' : `${reading.from.ip} ${reading.from.port}`, before + reading.next];
    before += piece.length;
  }
  return ['more', before];
}

test('every header is read the same at every split, and what follows it is left', () => {
  for (const [name, bytes, expected] of vectors) {
    const whole = expected === 'more' ? bytes : Uint8Array.from([...bytes, ...bytesOf('PROXY TCP4 x')]);
    const splits = [[whole], Array.from(whole, (byte) => Uint8Array.of(byte))];
    for (let at = 1; at < whole.length; at += 1) splits.push([whole.subarray(0, at), whole.subarray(at)]);
    for (const pieces of splits) {
      const [said, rest] = found(pieces);
      assert.equal(said, expected, `${name} at ${pieces[0]?.length}`);
      if (said !== 'refused' && said !== 'more') assert.equal(rest, bytes.length, name);
    }
  }
});

test('what is written is read again, by the letter of the specification', () => {
  const cases = [
    { ip: '198.51.100.7', port: 54_321 },
    { ip: '2001:db8::7', port: 1 },
    { ip: '::', port: 0 },
  ];
  for (const version of ['v1', 'v2'] as const) {
    for (const from of cases) assert.deepEqual(found([proxyHeader(version, from, 443)])[0], `${from.ip} ${from.port}`);
    assert.equal(found([proxyHeader(version, null, 443)])[0], 'itself');
  }
  const [v4] = cases;
  assert.ok(v4);
  assert.deepEqual(proxyHeader('v1', v4, 443), bytesOf('PROXY TCP4 198.51.100.7 0.0.0.0 54321 443\r\n'));
  assert.deepEqual(proxyHeader('v2', v4, 443), hex(`${SIGNATURE} 21 11 000c c6336407 00000000 d431 01bb`));
});

test('a header has a limit, in version 2 as it says itself: nothing of what is longer is kept', () => {
  const long = (extra: number): Uint8Array =>
    hex(`${SIGNATURE} 21 11 ${(12 + extra).toString(16).padStart(4, '0')} ${V4} ${'00'.repeat(extra)}`);
  const room = defaults.proxyHeaderBytesMax - 28;
  assert.equal(found([long(room)])[0], '198.51.100.7 54321');
  assert.equal(found([long(room + 1).subarray(0, 16)])[0], 'refused');
});
