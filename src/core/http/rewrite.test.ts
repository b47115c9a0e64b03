/** Heads written anew: fields, path, query, addresses and cookies. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { makePattern } from '../policy/pattern.ts';
import { fieldOf } from './fields.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { makeRewriter } from './rewrite.ts';
import type { PathChange, Rewriting } from './rewriting.ts';

const nothing = { set: [], add: [], remove: [] } as const;
const plain: Rewriting = {
  request: nothing,
  response: nothing,
  path: null,
  query: { set: [], remove: [] },
  outside: null,
  cookies: { domain: 'cut', sameSite: null },
};

function asked(target: string, fields: readonly (readonly [string, string])[] = [], port: number | null = null): RequestHead {
  const { http } = exchangeOf({ target, fields, host: 'blog.example.org', port });
  assert.ok(http !== null);
  return http;
}

function answer(...fields: readonly (readonly [string, string])[]): ResponseHead {
  const sent = fields.map(([name, value]) => fieldOf(name, value));
  return { status: 302, reason: 'Found', minor: 1, fields: sent, framing: { is: 'none' }, persistent: true, upgrade: null };
}

const lines = (head: { readonly fields: RequestHead['fields'] }): readonly string[] => head.fields.map(({ line }) => line.trimEnd());

function regex(source: string, to: string): PathChange {
  const made = makePattern(source);
  assert.ok(made.ok);
  return { is: 'pattern', pattern: made.pattern, to };
}

describe('fields', () => {
  const request = {
    set: [['X-Team', 'blue']],
    add: [['X-More', 'b']],
    remove: ['x-gone'],
  } as const;
  const rewriter = makeRewriter({ ...plain, request, response: request }, null);

  test('set replaces every spelling, add leaves what is there, remove takes out', () => {
    const head = rewriter.request(
      asked('/', [
        ['x-team', 'red'],
        ['X_Team', 'red'],
        ['X-More', 'a'],
        ['X-Gone', '1'],
        ['X-Kept', '1'],
      ]),
    );
    assert.deepEqual(lines(head), ['X-More: a', 'X-Kept: 1', 'X-Team: blue', 'X-More: b']);
    assert.deepEqual(lines(rewriter.response(answer(['x_team', 'red'], ['Server', 'x']), asked('/'), 'https')), [
      'Server: x',
      'X-Team: blue',
      'X-More: b',
    ]);
  });

  test('attack: hop-by-hop abuse: Connection cannot take away what the operator wrote', () => {
    const head = rewriter.request(
      asked('/', [
        ['Connection', 'X-Team, X-Mine, Cookie'],
        ['X-Mine', '1'],
        ['Cookie', 'a=b'],
      ]),
    );
    assert.deepEqual(lines(head), ['Cookie: a=b', 'X-Team: blue', 'X-More: b']);
  });

  test('attack: header injection: a value with a line end is never made', () => {
    for (const value of ['a\r\nX: b', 'a\nb', 'a\0b', '\u010a'])
      assert.throws(() => makeRewriter({ ...plain, request: { ...nothing, set: [['X-A', value]] } }, null), /cannot be written/);
  });
});

describe('the target', () => {
  const target = (path: PathChange | null, sent: string, query: Rewriting['query'] = plain.query): string | null =>
    makeRewriter({ ...plain, path, query }, null).target(asked(sent));
  const strip: PathChange = { is: 'prefix', from: '/api', to: '' };

  test('a prefix is stripped or replaced by whole segments', () => {
    assert.equal(target(strip, '/api'), '/');
    assert.equal(target(strip, '/api/'), '/');
    assert.equal(target(strip, '/api/x?y=%2F'), '/x?y=%2F');
    assert.equal(target(strip, '/%61pi/%7ex'), '/~x');
    assert.equal(target(strip, '/apiary'), '/apiary');
    assert.equal(target({ is: 'prefix', from: '/old', to: '/new/place' }, '/old/x'), '/new/place/x');
    assert.equal(target({ is: 'prefix', from: '', to: '/base' }, '/x'), '/base/x');
  });

  test('a pattern with groups', () => {
    assert.equal(target(regex('/u/([0-9]+)/(.*)', '/users/$1?'.replace('?', '/$2')), '/u/17/a/b'), '/users/17/a/b');
    assert.equal(target(regex('/u/([0-9]+)', '/users/$1'), '/u/x'), '/u/x');
  });

  test('attack: path confusion: what has several readings, or would get some, is refused', () => {
    for (const sent of ['/api//evil', '/api/..%2fx', '/api/;x/y', '/api/%2e%2e/x']) assert.equal(target(strip, sent), null, sent);
    assert.equal(target(regex('/x/(.*)', '/.$1'), '/x/./'), null);
    assert.equal(target(regex('/x(.*)', '/y/.$1'), '/x./z'), null);
    assert.equal(target(regex('/x/(.*)', '/$1'), '/x/'), '/');
    assert.equal(target(regex('/x(.*)', '/$1'), '/x/evil'), null, '//evil');
  });

  test('parameters are set and taken out, the others stay byte for byte', () => {
    const query = { set: [['lang', 'de at']], remove: ['utm_source'] } as const;
    assert.equal(target(null, '/a?b=%2f&utm_source=x&c', query), '/a?b=%2f&c&lang=de%20at');
    assert.equal(target(null, '/a', query), '/a?lang=de%20at');
    assert.equal(target(null, '/a?utm%5Fsource=x', { set: [], remove: ['utm_source'] }), '/a');
    assert.equal(target(null, '/a?x=1;lang=en', query), '/a?lang=de%20at');
    assert.equal(target(null, '//a/..?b', plain.query), '//a/..?b');
  });
});

describe('what a service says of itself', () => {
  const inside = ['127.0.0.1:3000', 'localhost:3000'];
  const said = (
    field: string,
    value: string,
    changes: Partial<Rewriting> = {},
    scheme: 'http' | 'https' = 'https',
    port: number | null = null,
  ): string =>
    makeRewriter({ ...plain, ...changes }, inside).response(answer([field, value]), asked('/', [], port), scheme).fields[0]?.value ?? '';
  const strip: Partial<Rewriting> = { path: { is: 'prefix', from: '/api', to: '' } };

  test('Location and Content-Location lead to the outside, and foreign ones stay', () => {
    assert.equal(said('Location', 'http://127.0.0.1:3000/x?y#z'), 'https://blog.example.org/x?y#z');
    assert.equal(said('Content-Location', '//LOCALHOST:3000'), 'https://blog.example.org/');
    assert.equal(said('Location', 'http://blog.example.org/x'), 'https://blog.example.org/x');
    assert.equal(said('Location', 'http://blog.example.org:3000/x', {}, 'https', 8443), 'https://blog.example.org:8443/x');
    assert.equal(said('Location', '/x', strip), '/api/x');
    assert.equal(said('Location', '/', strip), '/api/');
    assert.equal(said('Location', 'http://127.0.0.1:3000/x', strip), 'https://blog.example.org/api/x');
    for (const foreign of [
      'https://other.example/x',
      'x',
      '../x',
      'mailto:a@b.c',
      '//other.example',
      'http://127.0.0.1:4000/',
      'http://u@127.0.0.1:3000/',
    ])
      assert.equal(said('Location', foreign, strip), foreign);
  });

  test('Refresh', () => {
    assert.equal(said('Refresh', '5; url=http://127.0.0.1:3000/x'), '5; url=https://blog.example.org/x');
    assert.equal(said('Refresh', "0;URL='/x'", strip), "0;URL='/api/x'");
    assert.equal(said('Refresh', '5'), '5');
  });

  test('Set-Cookie: Domain cut, Path outside, Secure over HTTPS, SameSite where asked for', () => {
    assert.equal(said('Set-Cookie', 'a=b; Domain=localhost; Path=/; HttpOnly'), 'a=b; Path=/; HttpOnly; Secure');
    assert.equal(said('Set-Cookie', 'a=b; Path=/x; secure', strip), 'a=b; Path=/api/x; secure');
    assert.equal(said('Set-Cookie', 'a=b; Path=/', strip), 'a=b; Path=/api; Secure');
    assert.equal(said('Set-Cookie', '__Host-a=b; Path=/; Secure', strip), '__Host-a=b; Path=/; Secure');
    assert.equal(said('Set-Cookie', 'a=b', {}, 'http'), 'a=b');
    const keep = { cookies: { domain: 'keep', sameSite: 'Lax' } } as const;
    assert.equal(said('Set-Cookie', 'a=b; Domain=.example.org', keep), 'a=b; Domain=.example.org; Secure; SameSite=Lax');
    assert.equal(said('Set-Cookie', 'a=b; Domain=ample.org; SameSite=None', keep), 'a=b; SameSite=None; Secure');
  });

  test('nothing is touched where it is not asked for', () => {
    const head = answer(['Location', 'http://127.0.0.1:3000/'], ['Set-Cookie', 'a=b; Domain=x']);
    assert.deepEqual(makeRewriter(plain, null).response(head, asked('/'), 'https').fields, head.fields);
  });
});
