/** Credentials as fields say them, and as attackers do. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldOf } from '../http/fields.ts';
import { credentialsOf, onlyField, readBasic, twice, userName } from './credentials.ts';

const encoded = (text: string | Uint8Array): string => Buffer.from(text as string).toString('base64');
const field = fieldOf;

describe('Basic credentials (RFC 7617)', () => {
  test('are UTF-8, parted at the first colon', () => {
    assert.deepEqual(readBasic(encoded('ana:secret')), { user: 'ana', password: 'secret' });
    assert.deepEqual(readBasic(encoded('ana:a:b:')), { user: 'ana', password: 'a:b:' });
    assert.deepEqual(readBasic(encoded('änne:пароль🔑')), { user: 'änne', password: 'пароль🔑' });
    assert.deepEqual(readBasic(encoded(':')), { user: '', password: '' });
  });

  test('have one spelling: strict base64 with padding', () => {
    const right = encoded('ana:pw12');
    assert.notEqual(readBasic(right), null);
    for (const token of [
      '',
      'YQ',
      `${right} `,
      ` ${right}`,
      right.replace(/.$/, '-'),
      'YW5hOnB3==',
      `${right}\n`,
      'YTpi=',
      'YTpiYw=',
      '====',
      'YTpiYx==',
      right.slice(0, -1),
    ])
      assert.equal(readBasic(token), null, token);
  });

  test('refuse control characters, no colon and what is no UTF-8', () => {
    for (const text of ['ana', 'a\u0000:b', 'a:b\r\nX: y', 'a:\u007f']) assert.equal(readBasic(encoded(text)), null);
    assert.equal(readBasic(encoded(Uint8Array.of(0x61, 0x3a, 0xff))), null);
    assert.equal(readBasic(encoded(Uint8Array.of(0x61, 0x3a, 0xc0, 0xaf))), null);
  });

  test('stand behind their scheme, in any case of letters', () => {
    assert.equal(credentialsOf('Basic abc', 'basic'), 'abc');
    assert.equal(credentialsOf('bAsIc   abc', 'basic'), 'abc');
    for (const value of ['Basic', 'Basicabc', 'Bearer abc', ' Basic abc', 'Basic\tabc', ''])
      assert.equal(credentialsOf(value, 'basic'), null, value);
  });
});

test('a field that came twice is told apart from every value', () => {
  assert.equal(onlyField([field('A', 'x')], 'b'), null);
  assert.equal(onlyField([field('A', 'x')], 'a'), 'x');
  assert.equal(onlyField([field('A', 'twice')], 'a'), 'twice');
  assert.equal(onlyField([field('A', 'x'), field('a', 'x')], 'a'), twice);
});

test('names of people are ASCII in one spelling', () => {
  assert.equal(userName('Ana'), 'ana');
  assert.equal(userName('__proto__'), '__proto__');
  for (const text of ['', '.', '..', '-a', '.a', 'a/b', 'a b', 'a\u0000', '\u212Aarl', 'ana\u200b', 'änne', 'a'.repeat(65), 'a@b'])
    assert.equal(userName(text), null, text);
});
