/** The session cookie: read, written and ended. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { endSessionCookie, readSessionCookie, sessionCookie, writeSessionCookie } from './session-cookie.ts';

const token = 'A'.repeat(43);
const read = (...cookies: readonly string[]) =>
  readSessionCookie(exchangeOf({ fields: cookies.map((cookie) => ['Cookie', cookie] as const) }));

describe('session cookie', () => {
  test('is found among others, wherever it stands', () => {
    for (const text of [
      `${sessionCookie}=${token}`,
      `a=b; ${sessionCookie}=${token}`,
      `${sessionCookie}=${token};a=b`,
      `a; ${sessionCookie} = ${token} `,
    ])
      assert.deepEqual(read(text), { is: 'one', token }, text);
    assert.deepEqual(read('a=b'), { is: 'none' });
    assert.deepEqual(read(`x${sessionCookie}=${token}`), { is: 'none' });
    assert.deepEqual(read(`a=${sessionCookie}=${token}`), { is: 'none' });
  });

  test('cookie tossing: two of our name are no session, in one field or in two', () => {
    assert.deepEqual(read(`${sessionCookie}=${token}; ${sessionCookie}=${'B'.repeat(43)}`), { is: 'twice' });
    assert.deepEqual(read(`${sessionCookie}=${token}`, `${sessionCookie}=${token}`), { is: 'twice' });
    assert.deepEqual(read(`${sessionCookie}=; ${sessionCookie}=${token}`), { is: 'twice' });
  });

  test('another form is no token', () => {
    for (const value of ['', 'A', 'A'.repeat(42), 'A'.repeat(44), `"${token}"`, `${'A'.repeat(42)}!`])
      assert.deepEqual(read(`${sessionCookie}=${value}`), { is: 'malformed' }, value);
  });

  test('is never read over plain HTTP', () => {
    assert.deepEqual(readSessionCookie(exchangeOf({ scheme: 'http', fields: [['Cookie', `${sessionCookie}=${token}`]] })), { is: 'none' });
  });

  test('cookie fixation: is written so that no other host and no script can set or read it', () => {
    const [name, value] = writeSessionCookie(token, 60);
    assert.equal(name, 'Set-Cookie');
    assert.ok(value.startsWith('__Host-'));
    for (const part of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax', 'Max-Age=60']) assert.ok(value.split('; ').includes(part), part);
    assert.ok(!/domain/i.test(value));
    assert.match(endSessionCookie()[1], /=; .*Max-Age=0/);
  });
});
