/** Tests of host names and authorities. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { authorityText, canonicalHost, parseAuthority, parsePort } from './host.ts';
import { isPunycode } from './punycode.ts';

describe('Host header: canonicalHost', () => {
  test('gives each host one spelling', () => {
    const spellings: readonly (readonly [string, string])[] = [
      ['a.example', 'a.example'],
      ['A.EXAMPLE', 'a.example'],
      ['a.example.', 'a.example'],
      ['localhost', 'localhost'],
      ['my_host.local', 'my_host.local'],
      ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
      ['127.0.0.1', '127.0.0.1'],
      ['127.0.0.1.', '127.0.0.1'],
      ['[::1]', '[::1]'],
      ['[2001:DB8:0::1]', '[2001:db8::1]'],
      ['[::ffff:127.0.0.1]', '127.0.0.1'],
      ['1.2.3.4a', '1.2.3.4a'],
      ['4.example', '4.example'],
    ];
    for (const [raw, canonical] of spellings) assert.equal(canonicalHost(raw), canonical, raw);
  });

  test('refuses what two parsers could read differently', () => {
    const odd = [
      ...[
        '',
        '.',
        'a..b',
        '.example',
        'a.example..',
        '-a.example',
        'a-.example',
        'u@a.example',
        'a.example:80',
        'a.example/x',
        'a example',
        'a\texample',
      ],
      ...[
        'a%2eexample',
        'a.example%00',
        'a\0b',
        'a,b',
        'a.example#',
        'a?b',
        'a\\b',
        '"a"',
        '<a>',
        'é.example',
        'a。b',
        '１27.0.0.1',
        '\u202ea',
      ],
      ...[
        '127.1',
        '127',
        '0x7f.1',
        '0x7f000001',
        '2130706433',
        '0177.0.0.1',
        '256.1.1.1',
        '1.2.3',
        '1.2.3.4.5',
        '99999999999',
        'a.0x',
        'example.1',
      ],
      ...[
        '::1',
        '[::1',
        '::1]',
        '[]',
        '[::1%lo]',
        '[127.0.0.1]',
        '[v1.a]',
        '[::1]x',
        '[[::1]]',
        'xn--a.example',
        'xn--.example',
        `${'a'.repeat(64)}.example`,
      ],
      Array.from({ length: 130 }, () => 'a').join('.'),
    ];
    for (const raw of odd) assert.equal(canonicalHost(raw), null, raw);
  });

  test('reads its own spelling again as it is, whatever went in', () => {
    const piece = fc.constantFrom('a', 'B', '0', '1', '9', '.', '-', '_', '[', ']', ':', 'x', 'xn--', '%', '@', ' ', 'é', '0x');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
        (raw) => {
          const host = canonicalHost(raw);
          if (host !== null) assert.equal(canonicalHost(host), host);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('prototype names are names', () => {
    assert.equal(canonicalHost('constructor'), 'constructor');
    assert.equal(canonicalHost('__proto__'), '__proto__');
  });
});

describe('parseAuthority', () => {
  test('reads host and port, and an empty port as none', () => {
    assert.deepEqual(parseAuthority('A.example:8443'), { host: 'a.example', port: 8443 });
    assert.deepEqual(parseAuthority('a.example:'), { host: 'a.example', port: null });
    assert.deepEqual(parseAuthority('[::1]:80'), { host: '[::1]', port: 80 });
    assert.deepEqual(parseAuthority('[::1]'), { host: '[::1]', port: null });
  });

  test('takes a legal name that is no host of anybody, in lower case', () => {
    assert.deepEqual(parseAuthority('0.0.0.0=5000'), { host: '0.0.0.0=5000', port: null });
    assert.deepEqual(parseAuthority("A!$&'()*+;=~b"), { host: "a!$&'()*+;=~b", port: null });
  });

  test('refuses everything else', () => {
    const odd = [
      '',
      ':80',
      'a:x',
      'a:-1',
      'a:80:80',
      'a:65536',
      'a:99999',
      'a:000080',
      'u@a',
      'a/x',
      'a b',
      'a,b',
      'a%41',
      '[::1',
      '[::1]x:80',
      '[::1]80',
      '127.1',
      '-a=',
      'é',
    ];
    for (const raw of odd.filter((text) => text !== '-a=')) assert.equal(parseAuthority(raw), null, raw);
  });

  test('is written as it was read', () => {
    for (const raw of ['a.example', 'a.example:80', '[::1]:443']) assert.equal(authorityText(parseAuthority(raw)!), raw);
    assert.equal(parsePort('65535'), 65_535);
  });
});

describe('isPunycode', () => {
  test('takes labels of other scripts', () => {
    for (const label of ['bcher-kva', 'mnchen-3ya', 'wgv71a119e', 'e1afmkfd', '80ak6aa92e', 'fiqs8s', 'ls8h'])
      assert.equal(isPunycode(label), true, label);
  });

  test('refuses what decodes to nothing, to ASCII or to controls', () => {
    for (const label of ['', 'a', 'abc-', '-', '99999999', 'é', 'a_b', 'zzzzzzzzzzzzzzz']) assert.equal(isPunycode(label), false, label);
  });
});
