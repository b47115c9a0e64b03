/** Tests of canonical paths: path normalisation. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalPath, decidePath, isWithin } from './path.ts';
import { readTarget } from './target.ts';

type Vector = Readonly<{ target: string; expect: 'allow' | 'deny-or-400' | 'deny-if-case-insensitive-upstream' }>;
const vectors = JSON.parse(readFileSync(new URL('../../../test/vectors/path-acl.json', import.meta.url), 'utf8')) as readonly Vector[];
const refused = /[\\# ]/;

/** Who may see a target without a name, where /public is open and nothing else: only a path that is below it in every reading. */
function isOpen(target: string): boolean {
  if (refused.test(target)) return false; // the reader refuses these
  const read = readTarget('GET', target, { host: 'a.example', port: null }, false);
  return !('code' in read) && read.path !== null && decidePath(read.path, (text) => isWithin(text, '/public')) === true;
}

/** The same where everything but /admin is open. */
function isClosed(target: string): boolean {
  if (refused.test(target)) return true;
  const read = readTarget('GET', target, { host: 'a.example', port: null }, false);
  return 'code' in read || read.path === null || decidePath(read.path, (text) => text.startsWith('/admin')) !== false;
}

describe('path normalisation: path-acl.json', () => {
  for (const { target, expect } of vectors) {
    test(`${JSON.stringify(target)}: ${expect}`, () => {
      assert.equal(isOpen(target), expect === 'allow');
      // Who compares in one case only must know that services may not.
      if (expect !== 'deny-if-case-insensitive-upstream') assert.equal(isClosed(target), expect !== 'allow');
    });
  }
});

describe('canonicalPath', () => {
  test('leaves a plain path as it is, without its query', () => {
    for (const raw of [
      '/',
      '/a',
      '/a/b/',
      '/a.b/c.d',
      '/~a/b-c_d',
      '/.well-known/x',
      '/a:b@c',
      "/!$&'()*+,=",
      '/[id]|^',
      '/a/...b',
      '/..a',
    ]) {
      assert.deepEqual(canonicalPath(raw), { text: raw, clear: true }, raw);
      assert.deepEqual(canonicalPath(`${raw}?q=/../%2f;\\`), { text: raw, clear: true }, raw);
    }
  });

  test('decodes what means the same either way, and is clear about it', () => {
    assert.deepEqual(canonicalPath('/%61dmin'), { text: '/admin', clear: true });
    assert.deepEqual(canonicalPath('/%40a%3ab%2bc'), { text: '/@a:b+c', clear: true });
    assert.deepEqual(canonicalPath('/a%20b/%c3%a9'), { text: '/a%20b/%C3%A9', clear: true });
    assert.deepEqual(canonicalPath('/%5bid%5D'), { text: '/[id]', clear: true });
  });

  test('lists the readings where servers cut differently', () => {
    const readings = (raw: string): readonly string[] | undefined => canonicalPath(raw).readings;
    assert.deepEqual(readings('/a%2fb'), ['/a%2Fb', '/a/b']);
    assert.deepEqual(readings('/a%5cb'), ['/a%5Cb', '/a\\b', '/a/b']);
    assert.deepEqual(readings('/a//b'), ['/a//b', '/a/b']);
    assert.deepEqual(readings('/a;x=1/b'), ['/a;x=1/b', '/a/b']);
    assert.deepEqual(readings('/a%3bx'), ['/a%3Bx', '/a;x', '/a']);
    assert.deepEqual(readings('/a%252fb'), ['/a%252fb', '/a%2fb', '/a/b']);
    assert.deepEqual(readings('/a%3fx'), ['/a%3Fx', '/a']);
    assert.deepEqual(readings('/a;b//c'), ['/a;b//c', '/a//c', '/a;b/c', '/a/c']);
    assert.deepEqual(readings('/a./b'), ['/a./b', '/a/b']);
    assert.deepEqual(readings('/a%20/b'), ['/a%20/b', '/a/b']);
    for (const raw of ['/a%2fb', '/a//b', '/a;x']) assert.equal(canonicalPath(raw).clear, false);
  });

  test('lists nothing where nothing may be decided by path', () => {
    const dots = [
      '/a/../b',
      '/./a',
      '/a/.',
      '/a/..',
      '/%2e/a',
      '/a/%2e%2e/b',
      '/a/.%2E',
      '/a%2f..%2fb',
      '/a/..;/b',
      '/a/..%5cb',
      '/a%252f%252e%252e',
      '/a//../b',
      '/..%00',
    ];
    const broken = [
      '/%',
      '/%4',
      '/%zz',
      '/%u002e',
      '/a%00b',
      '/a%0d%0ab',
      '/%7f',
      '/%c0%af',
      '/%e0%80%af',
      '/%c3',
      '/%ff',
      '/%ed%a0%80',
      '/%f8%88%80%80%80',
      '/%25c0%25af',
      '/%2500',
      '/é',
    ];
    for (const raw of [...dots, ...broken]) {
      const path = canonicalPath(raw);
      assert.deepEqual({ clear: path.clear, readings: path.readings }, { clear: false, readings: [] }, raw);
      assert.equal(
        decidePath(path, () => true),
        null,
        raw,
      );
    }
  });

  test('shows the path that RFC 3986 would make of it', () => {
    assert.equal(canonicalPath('/a/../b/./c').text, '/b/c');
    assert.equal(canonicalPath('/../../a').text, '/a');
    assert.equal(canonicalPath('/a/%2e%2e/').text, '/');
    assert.equal(canonicalPath('/a/b/..').text, '/a/');
  });

  test('says yes or no only where all readings agree', () => {
    const within = (raw: string, prefix: string): boolean | null => decidePath(canonicalPath(raw), (text) => isWithin(text, prefix));
    assert.equal(within('/public/a%2fb', '/public'), true);
    assert.equal(within('/public%2fb', '/public'), null);
    assert.equal(within('/other/a%2fb', '/public'), false);
    assert.equal(within('/publicity', '/public'), false);
  });

  test('has no reading with a dot segment, is stable, and reads 8 KiB of anything in no time', () => {
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      '%25',
      '%00',
      '%c3%a9',
      '%c0',
      ';',
      'a',
      'B',
      '//',
      '%',
      '2',
      'f',
      '%20',
      '?',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }).map((pieces) => `/${pieces.join('')}`),
        (raw) => {
          const path = canonicalPath(raw);
          const texts = path.clear ? [path.text] : (path.readings ?? []);
          for (const text of texts) assert.ok(text.startsWith('/') && !/(?:^|\/)\.\.?(?:\/|$)/.test(text), `${raw} ${text}`);
          if (path.clear) assert.deepEqual(canonicalPath(path.text), path);
        },
      ),
      { numRuns: 5000 },
    );
    const start = performance.now();
    for (const text of ['.', '/', '%2f', ';', '%25', '../', './', '%c3%a9', '%20', '%2e%2e%2f', 'a.'])
      canonicalPath(`/${text.repeat(8192 / text.length)}`);
    assert.ok(performance.now() - start < 500);
  });
});
