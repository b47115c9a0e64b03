import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf, type Asked } from '../../../test/doubles/exchange.ts';
import type { RequestHead } from '../http/head.ts';
import { requestBreach } from './firewall-protocol.ts';

function ruleOf(asked: Asked, changes: Partial<RequestHead> = {}): string | null {
  const { http } = exchangeOf(asked);
  assert.ok(http !== null);
  return requestBreach({ ...http, ...changes })?.rule ?? null;
}

test('two readings of a request: targets', () => {
  for (const [target, rule] of [
    ['/a%00.png', 'control'],
    ['/a%2500.png', 'control'],
    ['/a%0d%0aSet-Cookie:x', 'control'],
    ['/%', 'encoding'],
    ['/%2', 'encoding'],
    ['/%u0041', 'encoding'],
    ['/%c0%ae%c0%ae/', 'encoding'],
    ['/a?b=%0d%0aSet-Cookie:%20a=b', 'splitting'],
    ['/a?b=%250d%250aContent-Length:0', 'splitting'],
    ['/a?b=x%0aHTTP/1.1 200', 'splitting'],
    ['/a#b', 'fragment'],
  ] as const)
    assert.equal(ruleOf({ target }), rule, target);
});

test('what honest programs send passes', () => {
  for (const target of [
    '/',
    '/a%20b/%C3%BC?q=100%&r=%',
    '/announce?info_hash=%12%00%0d%0a%ff',
    '/form?text=first%0D%0Asecond:%20line',
    '/login?next=%2Flocation%3A',
    '*',
  ])
    assert.equal(ruleOf({ target }), null, target);
  const fields = [
    ['Accept', 'a/b'],
    ['Accept', 'c/d'],
    ['Cookie', 'a=b'],
    ['Cookie', 'c=d'],
    ['Range', 'bytes=0-99, 200-, -5'],
    ['Content-Type', 'multipart/form-data; boundary="a;b,c"'],
    ['X_Own', '1'],
  ] as const;
  assert.equal(ruleOf({ method: 'POST', fields }, { framing: { is: 'chunked' } }), null);
  assert.equal(ruleOf({}, { framing: { is: 'length', length: 0 } }), null);
});

test('two readings of a request: fields and bodies', () => {
  const field = (name: string, value: string) => ruleOf({ method: 'POST', fields: [[name, value]] });
  assert.equal(
    ruleOf({
      fields: [
        ['Authorization', 'a'],
        ['authorization', 'a'],
      ],
    }),
    'twice',
  );
  assert.equal(field('Content_Length', '4'), 'lookalike');
  assert.equal(field('Transfer.Encoding', 'chunked'), 'lookalike');
  assert.equal(field('Range', `bytes=${'0-1,'.repeat(10)}0-1`), 'ranges');
  assert.equal(field('Range', 'bytes=9-3'), 'ranges');
  assert.equal(field('Range', 'bytes=9-, 5-3'), 'ranges');
  for (const value of ['', 'text', 'text/html, text/plain', 'text/html; charset=a; charset=b', 'te xt/html'])
    assert.equal(field('Content-Type', value), 'type', value);
  assert.equal(ruleOf({}, { framing: { is: 'length', length: 1 } }), 'body');
  assert.equal(ruleOf({ method: 'HEAD' }, { framing: { is: 'chunked' } }), 'body');
});
