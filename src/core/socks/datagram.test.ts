import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseIp } from '../address.ts';
import { DatagramReader, framedDatagram } from '../datagrams.ts';
import { associatedReply, DatagramPeer, readSocksDatagram, socksDatagram } from './datagram.ts';

const page = readFileSync(new URL('../../../docs/wire-protocol.md', import.meta.url), 'utf8');
const ip = (text: string) => {
  const found = parseIp(text);
  assert.ok(found !== null);
  return found;
};

test('a datagram of a proxy is what docs/wire-protocol.md says', () => {
  const hex = /```proxied-datagram\n([0-9a-f\s]+)```/.exec(page)?.[1] ?? '';
  const bytes = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  const found: unknown[] = [];
  const reader = new DatagramReader();
  const take = (datagram: Uint8Array): void => {
    const read = readSocksDatagram(datagram);
    found.push([read?.host, read?.port, Buffer.from(read?.data ?? []).toString()]);
  };
  assert.equal(reader.push(bytes, take) ?? reader.end(), null);
  assert.deepEqual(found, [['192.0.2.7', 53, 'ping']]);
  assert.deepEqual(Buffer.from(framedDatagram(socksDatagram(ip('192.0.2.7'), 53, Buffer.from('ping'))) ?? []), bytes);
});

test('datagrams by address of both versions and by name', () => {
  const named = Uint8Array.from([0, 0, 0, 3, 3, 97, 46, 98, 0, 53, 1]);
  assert.deepEqual(readSocksDatagram(named), { host: 'a.b', port: 53, data: Uint8Array.from([1]) });
  const six = readSocksDatagram(socksDatagram(ip('2001:db8::7'), 443, new Uint8Array(2)));
  assert.deepEqual([six?.host, six?.port, six?.data.length], ['[2001:db8:0:0:0:0:0:7]', 443, 2]);
});

test('malformed datagrams: fragments, reserved octets, unknown kinds and what is cut short are nothing', () => {
  const good = [0, 0, 0, 1, 192, 0, 2, 7, 0, 53];
  for (let length = 0; length < good.length; length += 1) assert.equal(readSocksDatagram(Uint8Array.from(good.slice(0, length))), null);
  assert.equal(readSocksDatagram(Uint8Array.from(good))?.data.length, 0);
  for (const [at, value] of [
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 2],
    [3, 4],
    [3, 0],
  ] as const) {
    const bad = Uint8Array.from(good);
    bad[at] = value;
    assert.equal(readSocksDatagram(bad), null, `${at} ${value}`);
  }
  assert.equal(readSocksDatagram(Uint8Array.from([0, 0, 0, 3, 0, 0, 53, 1, 1, 1, 1])), null);
});

test('SOCKS UDP reflection: one address, and the port that was named or came first', () => {
  const first = new DatagramPeer('192.0.2.7', null);
  assert.equal(first.takes('192.0.2.8', 1_000), false);
  assert.equal(first.port, null);
  assert.equal(first.takes('::ffff:192.0.2.7', 1_000), true);
  assert.deepEqual([first.takes('192.0.2.7', 1_001), first.takes('192.0.2.7', 1_000), first.port], [false, true, 1_000]);
  const named = new DatagramPeer('2001:db8::7', 5);
  assert.deepEqual([named.takes('2001:db8::7', 6), named.takes('2001:db8:0::7', 5), named.takes('no address', 5)], [false, true, false]);
  assert.deepEqual([...associatedReply(ip('192.0.2.1'), 258)], [5, 0, 0, 1, 192, 0, 2, 1, 1, 2]);
});
