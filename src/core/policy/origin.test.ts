/** Forged requests and hijacked WebSockets. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, type Asked } from '../../../test/doubles/exchange.ts';
import { foreignOrigin, forgery, originOf } from './origin.ts';

type Fields = Asked['fields'];
const ours = 'https://blog.example.test';
const post = (fields: Fields, more: Asked = {}) => exchangeOf({ method: 'POST', ...more, ...(fields && { fields }) });
const passes = (fields: Fields, more: Asked = {}): boolean => forgery(post(fields, more), 'session') === null;

describe('cross-site request forgery', () => {
  test('lets our own pages, typed addresses and programs through', () => {
    assert.ok(passes([]));
    assert.ok(passes([['Origin', ours]]));
    assert.ok(
      passes([
        ['Origin', ours],
        ['Sec-Fetch-Site', 'same-origin'],
      ]),
    );
    assert.ok(passes([['Sec-Fetch-Site', 'none']]));
    assert.ok(passes([['Sec-Fetch-Site', 'same-origin']]));
  });

  test('refuses every other origin, the sibling host and the sandbox', () => {
    const foreign = [
      'https://evil.example',
      'http://blog.example.test',
      'https://blog.example.test:8443',
      'https://blog.example.test.evil.example',
      'https://BLOG.example.test',
      'null',
      '',
      'https://blog.example.test/',
      'https://a@blog.example.test',
      '*',
    ];
    for (const origin of foreign) assert.ok(!passes([['Origin', origin]]), origin);
    for (const site of ['cross-site', 'same-site', '', 'SAME-ORIGIN', 'same-origin, none'])
      assert.ok(!passes([['Sec-Fetch-Site', site]]), site);
    assert.ok(
      !passes([
        ['Origin', ours],
        ['Sec-Fetch-Site', 'same-site'],
      ]),
    );
    assert.ok(
      !passes([
        ['Origin', 'https://evil.example'],
        ['Sec-Fetch-Site', 'same-origin'],
      ]),
    );
  });

  test('refuses two of a field, whichever is ours', () => {
    assert.ok(
      !passes([
        ['Origin', ours],
        ['Origin', ours],
      ]),
    );
    assert.ok(
      !passes([
        ['Sec-Fetch-Site', 'same-origin'],
        ['Sec-Fetch-Site', 'same-origin'],
      ]),
    );
  });

  test('takes Origin null only where Sec-Fetch-Site says same-origin: a form of a page without referrer', () => {
    assert.ok(
      passes([
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'same-origin'],
      ]),
    );
    assert.ok(
      !passes([
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'none'],
      ]),
    );
    assert.ok(
      !passes([
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'cross-site'],
      ]),
    );
  });

  test('asks all methods but the safe ones, unknown ones included', () => {
    const foreign: Fields = [['Origin', 'https://evil.example']];
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE']) assert.ok(passes(foreign, { method }), method);
    for (const method of ['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'get', 'FOO']) assert.ok(!passes(foreign, { method }), method);
  });

  test("the origin has the port of this exchange, unless it is the scheme's own", () => {
    assert.equal(originOf(exchangeOf({ port: 8443 })), 'https://blog.example.test:8443');
    assert.equal(originOf(exchangeOf({ port: 443 })), ours);
    assert.equal(originOf(exchangeOf({ port: 80, scheme: 'http' })), 'http://blog.example.test');
    assert.equal(originOf(exchangeOf({ port: 443, scheme: 'http' })), 'http://blog.example.test:443');
    assert.equal(originOf(exchangeOf({ host: '2001:db8::1', port: 8443 })), 'https://[2001:db8::1]:8443');
    assert.equal(originOf(exchangeOf({ host: '[2001:db8::1]' })), 'https://[2001:db8::1]');
  });
});

describe('cross-site WebSocket hijacking', () => {
  const upgrade = { method: 'GET', upgrade: 'websocket' } as const;

  test('a session needs our own origin, said aloud', () => {
    assert.ok(passes([['Origin', ours]], upgrade));
    for (const fields of [
      [],
      [['Origin', 'null']],
      [['Origin', 'https://evil.example']],
      [['Sec-Fetch-Site', 'same-origin']],
      [
        ['Origin', ours],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ] as const) {
      assert.ok(!passes(fields, upgrade), JSON.stringify(fields));
    }
  });

  test('Basic without an origin is a program', () => {
    assert.equal(forgery(exchangeOf(upgrade), 'basic'), null);
    assert.equal(forgery(exchangeOf({ ...upgrade, fields: [['Origin', 'https://evil.example']] }), 'basic')?.code, 'origin-foreign');
  });
});

test('what is refused is told without a word of what was sent', () => {
  const fault = foreignOrigin(exchangeOf({ fields: [['Origin', 'https://evil.example/\u001b[31m']] }));
  assert.deepEqual(fault, { code: 'origin-foreign', why: 'a page of another site sent this request' });
});
