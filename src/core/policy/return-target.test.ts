/** Open redirects, by vectors and by combination. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { returnTarget } from './return-target.ts';

type Vectors = Readonly<{ allowed_origin: string; cases: readonly Readonly<{ target: string; expect: 'reject' | 'allow' }>[] }>;
// Our own vectors, written with the repository.
const vectors = JSON.parse(readFileSync(new URL('../../../test/vectors/open-redirect.json', import.meta.url), 'utf8')) as Vectors;

describe('open redirect', () => {
  for (const { target, expect } of vectors.cases) {
    test(`${expect}s ${JSON.stringify(target)}`, () => {
      const found = returnTarget(target, vectors.allowed_origin);
      assert.equal(found === null ? 'reject' : 'allow', expect);
      if (found === null) return;
      assert.equal(new URL(found, vectors.allowed_origin).origin, vectors.allowed_origin);
    });
  }

  const origin = 'https://blog.example.test';

  test('whatever it allows, a browser stays on our origin', () => {
    const pieces = [
      '/',
      '//',
      '\\',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      '%252f',
      ';',
      '@',
      ':',
      'evil.example',
      '?',
      '#',
      '%00',
      '%0d%0a',
      '\t',
      ' ',
      'a',
      '%',
    ];
    let allowed = 0;
    for (const one of pieces) {
      for (const two of pieces) {
        for (const three of pieces) {
          const text = `/${one}${two}${three}`;
          const found = returnTarget(text, origin);
          if (found === null) continue;
          allowed += 1;
          const url = new URL(found, origin);
          assert.equal(url.origin, origin, text);
          assert.ok(!url.pathname.startsWith('//'), text);
        }
      }
    }
    assert.ok(allowed > 100);
  });

  test('header injection: no line end, no control character and nothing beyond ASCII gets through', () => {
    for (const text of [
      '/a\r\nSet-Cookie: a=b',
      '/a%0d%0aSet-Cookie:%20a=b',
      '/a\u0000',
      '/\u00e9',
      '/a\u2028',
      '/a b',
      '/"><script>',
      '/%250d%250a',
    ])
      assert.equal(returnTarget(text, origin), null, text);
  });

  test('keeps an honest path with its query', () => {
    for (const text of [
      '/',
      '/a/b?c=d&e=%20f',
      '/wiki/C%2B%2B',
      '/wiki/100%25',
      '/x//y',
      '/blog/why-.env-files-matter',
      '/a;v=1/b',
      "/people/d'angelo",
      '/%E3%83%96',
    ])
      assert.equal(returnTarget(text, origin), text);
  });

  test('never leads back into our own forms, and has an end', () => {
    for (const text of ['/.sallyport/logout', '/.sallyport', '/%2esallyport/login', '/.sallyport/link/x'])
      assert.equal(returnTarget(text, origin), null, text);
    assert.equal(returnTarget(`/${'a'.repeat(3_000)}`, origin), null);
  });
});
