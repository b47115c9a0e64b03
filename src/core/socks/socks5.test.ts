import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Socks5Reader, type SocksStep } from './socks5.ts';

type Heard = Readonly<{ said: readonly number[]; last: SocksStep; rest: number }>;

/** Hands over the bytes in pieces of that size. */
function hear(bytes: readonly number[], size = bytes.length): Heard {
  const reader = new Socks5Reader();
  const said: number[] = [];
  let last: SocksStep = { is: 'more' };
  for (let from = 0; from < bytes.length; from += size) {
    const chunk = Uint8Array.from(bytes.slice(from, from + size));
    let at = 0;
    while (at < chunk.length) {
      last = reader.push(chunk, at);
      if (last.is === 'say') {
        said.push(...last.bytes);
        at = last.next;
      } else if (last.is === 'request') return { said, last, rest: bytes.length - from - last.next };
      else if (last.is === 'refused') return { said, last, rest: 0 };
      else at = chunk.length;
    }
  }
  return { said, last, rest: 0 };
}

const text = (value: string): readonly number[] => [...Buffer.from(value, 'utf8')];
const counted = (value: string): readonly number[] => [text(value).length, ...text(value)];
const password = [5, 1, 2, 1, ...counted('ana'), ...counted('geheim ü')];
const to = (host: string, port = 443): readonly number[] => [5, 1, 0, 3, ...counted(host), port >> 8, port & 255];

describe('SOCKS 5', () => {
  it('reads a name, a password and a destination at every split', () => {
    const bytes = [...password, ...to('www.example.org'), 1, 2, 3];
    for (let size = 1; size <= bytes.length; size += 1) {
      const { said, last, rest } = hear(bytes, size);
      assert.deepEqual(said, [5, 2, 1, 0]);
      assert.ok(last.is === 'request');
      assert.deepEqual([last.host, last.port, last.credentials], ['www.example.org', 443, { user: 'ana', password: 'geheim ü' }]);
      assert.equal(rest, 3);
    }
  });

  it('reads addresses of both versions', () => {
    const v4 = hear([5, 1, 0, 5, 1, 0, 1, 192, 0, 2, 7, 0, 80]).last;
    assert.ok(v4.is === 'request' && v4.host === '192.0.2.7' && v4.port === 80 && v4.credentials === null);
    const v6 = hear([5, 1, 0, 5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80]).last;
    assert.ok(v6.is === 'request' && v6.host === '[2001:db8:0:0:0:0:0:1]');
  });

  it('a domain of 255 bytes is read, and is no destination by itself', () => {
    const { last } = hear([...password, ...to('a'.repeat(255))]);
    assert.ok(last.is === 'request' && last.host.length === 255);
  });

  it('SOCKS bad versions and lengths: each is refused, and nothing more is read', () => {
    const bad: Readonly<Record<string, readonly number[]>> = {
      'version 4': [4, 1, 0, 80, 1, 2, 3, 4, 0],
      'version 0': [0],
      'no methods': [5, 0],
      'an unknown method': [5, 1, 1],
      'a version of the password': [5, 1, 2, 5],
      'a name of no length': [5, 1, 2, 1, 0],
      'a password of no length': [5, 1, 2, 1, 1, 97, 0],
      'a name that is no UTF-8': [5, 1, 2, 1, 1, 0xff, 1, 97],
      'version 4 in the request': [5, 1, 0, 4, 1],
      BIND: [5, 1, 0, 5, 2, 0, 1],
      'UDP ASSOCIATE': [5, 1, 0, 5, 3, 0, 1],
      'a reserved octet': [5, 1, 0, 5, 1, 1, 1],
      'an unknown type': [5, 1, 0, 5, 1, 0, 2],
      'a domain of no length': [5, 1, 0, 5, 1, 0, 3, 0],
    };
    for (const [name, bytes] of Object.entries(bad)) {
      for (const size of [1, bytes.length]) {
        const { last } = hear(bytes, size);
        assert.equal(last.is, 'refused', name);
      }
    }
  });

  it('SOCKS pipelined method list: who has a choice waits for the answer', () => {
    assert.equal(hear([5, 2, 0, 2, ...to('a.example')]).last.is, 'refused');
    assert.equal(hear([5, 2, 0, 2, ...password.slice(3)]).last.is, 'refused');
    assert.equal(hear([5, 1, 0, ...to('a.example')]).last.is, 'request');
  });

  it('keeps no more than one message', () => {
    const reader = new Socks5Reader();
    assert.equal(reader.push(Uint8Array.from([5, 1, 0]), 0).is, 'say');
    const name = Uint8Array.from([5, 1, 0, 3, 255, ...Array.from({ length: 100_000 }, () => 97)]);
    const step = reader.push(name, 0);
    assert.ok(step.is === 'request' && step.next === 262);
  });
});
