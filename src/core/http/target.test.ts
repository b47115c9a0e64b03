/** Tests of request targets: the four forms, and the two names of a host that must agree. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readTarget } from './target.ts';

const host = { host: 'a.example', port: null };
const read = (method: string, raw: string, proxy = false): string => {
  const target = readTarget(method, raw, host, proxy);
  return 'code' in target
    ? target.code
    : `${target.target} at ${target.authority.host}${target.authority.port === null ? '' : `:${target.authority.port}`}`;
};

describe('readTarget', () => {
  test('keeps origin form byte for byte', () => {
    assert.equal(read('GET', '/a//b/%2e?c=/d'), '/a//b/%2e?c=/d at a.example');
    assert.equal(read('GET', '//evil.example/x'), '//evil.example/x at a.example');
  });

  test('cuts absolute form to origin form when it names the host that Host names', () => {
    assert.equal(read('GET', 'http://a.example/x?y'), '/x?y at a.example');
    assert.equal(read('GET', 'HTTPS://A.Example./x'), '/x at a.example');
    assert.equal(read('GET', 'http://a.example:80'), '/ at a.example');
    assert.equal(read('GET', 'http://a.example?x'), '/?x at a.example');
    assert.equal(read('OPTIONS', 'http://a.example'), '* at a.example');
    assert.equal(read('OPTIONS', 'http://a.example/'), '/ at a.example');
  });

  test('Host header: refuses a target that names another host or port (host-mismatched)', () => {
    for (const raw of [
      'http://b.example/',
      'http://a.example.evil.example/',
      'http://a.example:81/',
      'https://a.example:80/',
      'http://127.0.0.1/',
    ]) {
      assert.equal(read('GET', raw), 'host-mismatched', raw);
    }
  });

  test('refuses what is none of the forms', () => {
    const odd = [
      'a',
      '@b/',
      'a.example:80',
      'http:/a',
      'http://',
      'http:///',
      'http://?x',
      'http://u@a.example/',
      'http://a.example@b/',
      'http://a%2eexample/',
      '://a',
      '1a://a/',
      'ht tp://a/',
      '*/',
    ];
    for (const raw of odd) assert.equal(read('GET', raw), 'target-malformed', raw);
    assert.equal(read('GET', '*'), 'target-malformed');
    assert.equal(read('OPTIONS', '*'), '* at a.example');
  });

  test('other schemes and CONNECT are for a forward proxy', () => {
    assert.equal(read('GET', 'ftp://a.example/x'), 'target-malformed');
    assert.equal(read('CONNECT', 'a.example:443'), 'method-refused');
    assert.equal(read('GET', 'ftp://a.example/x', true), 'ftp://a.example/x at a.example');
    assert.equal(read('GET', 'https://a.example/x', true), 'https://a.example/x at a.example');
    assert.equal(read('CONNECT', 'a.example:443', true), 'a.example:443 at a.example:443');
  });

  test('a forward proxy goes where the target says, whatever Host says (RFC 9112, 3.2.2)', () => {
    assert.equal(read('GET', 'http://b.example:8080/x', true), '/x at b.example:8080');
    assert.equal(read('CONNECT', 'b.example:443', true), 'host-mismatched');
  });

  test('CONNECT wants a host and a port', () => {
    for (const raw of [
      'a.example',
      'a.example:',
      'a.example:0',
      'a.example:65536',
      'a.example:x',
      ':443',
      '/',
      'http://a.example/',
      'u@a.example:443',
      'a.example:443/x',
      '[::1:443',
    ]) {
      assert.equal(read('CONNECT', raw, true), 'target-malformed', raw);
    }
  });
});
