/** Who asks through balancers: from the right, and nothing that a stranger wrote. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseNetwork, type Network } from '../address.ts';
import { fieldOf } from './fields.ts';
import { askerOf, type Balanced } from './forwarded-for.ts';

const trust = ['10.0.0.0/8', '2001:db8:ba::/48'].map((text) => parseNetwork(text)).filter((each): each is Network => each !== null);
const peer = { ip: '10.0.0.9', port: 7 };

function asker(field: Balanced['field'], ...values: readonly (string | readonly [string, string])[]): string {
  const fields = values.map((each) => (typeof each === 'string' ? fieldOf(field, each) : fieldOf(...each)));
  const found = askerOf({ field, trust }, fields, peer);
  return 'code' in found ? found.code : found.port === 0 ? found.ip : `${found.ip} ${found.port}`;
}

const xff = (...values: readonly (string | readonly [string, string])[]): string => asker('x-forwarded-for', ...values);
const forwarded = (...values: readonly (string | readonly [string, string])[]): string => asker('forwarded', ...values);

describe('X-Forwarded-For from balancers', () => {
  test('the last address that is no balancer is the visitor', () => {
    assert.equal(xff('198.51.100.7'), '198.51.100.7');
    assert.equal(xff('198.51.100.7, 10.0.0.1, 10.2.3.4'), '198.51.100.7');
    assert.equal(xff('198.51.100.7:4711'), '198.51.100.7 4711');
    for (const text of ['2001:db8::7', '[2001:db8::7]', '2001:DB8:0::7, 2001:db8:ba::1']) assert.equal(xff(text), '2001:db8::7', text);
    assert.equal(xff('[2001:db8::7]:443'), '2001:db8::7 443');
    assert.equal(xff('::ffff:198.51.100.7'), '198.51.100.7');
  });

  test('X-Forwarded spoofing: what a stranger wrote stands left of it, and is not looked at', () => {
    for (const lie of ['127.0.0.1', '10.0.0.1', 'unknown', '"', '<script>', '10.0.0.1, 127.0.0.1', ','.repeat(500), '1.2.3.4"'])
      assert.equal(xff(`${lie}, 198.51.100.7`), '198.51.100.7', lie);
    assert.equal(xff('127.0.0.1', '198.51.100.7'), '198.51.100.7', 'a field of its own');
    assert.equal(xff(['X-FORWARDED-FOR', '127.0.0.1'], ['x-Forwarded-For', '198.51.100.7']), '198.51.100.7');
  });

  test('X-Forwarded spoofing: other fields, and names that only look alike, are nobody’s word', () => {
    for (const name of ['Forwarded', 'X-Real-IP', 'X_Forwarded_For', 'X-Forwarded-For-', 'X-Client-IP', 'True-Client-IP'])
      assert.equal(xff([name, '127.0.0.1'], ['X-Forwarded-For', '198.51.100.7'], [name, '127.0.0.1']), '198.51.100.7', name);
  });

  test('without a word of it, or with balancers alone, it is the farthest balancer', () => {
    assert.equal(xff(), '10.0.0.9 7');
    assert.equal(xff('', ' , '), '10.0.0.9 7');
    assert.equal(xff('10.0.0.1, 10.0.0.2'), '10.0.0.1');
  });

  test('a balancer whose word is no address is refused: nobody comes in under its own', () => {
    const wrong = [
      'unknown',
      '_hidden',
      '198.51.100.7.1',
      '198.51.100',
      '1.2.3.4:x',
      '[::1',
      '::1]:1',
      '198.51.100.7 10.0.0.1',
      '0x7f.1',
      'fe80::1%eth0',
    ];
    for (const text of wrong) assert.equal(xff(`127.0.0.1, ${text}`), 'field-malformed', text);
  });
});

describe('Forwarded from balancers', () => {
  test('the last for= that is no balancer is the visitor', () => {
    assert.equal(forwarded('for=198.51.100.7'), '198.51.100.7');
    assert.equal(forwarded('For="[2001:db8::7]:4711";proto=https;by=10.0.0.1, for=10.0.0.2'), '2001:db8::7 4711');
    assert.equal(forwarded('proto=https; for="198.51.100.7:80" ;host="a,b;c"'), '198.51.100.7 80');
    assert.equal(forwarded('for=127.0.0.1', 'for=198.51.100.7'), '198.51.100.7');
    assert.equal(forwarded(), '10.0.0.9 7');
  });

  test('X-Forwarded spoofing: an open quote, a backslash or a second for= swallows nothing that a balancer added', () => {
    const added = ['for=198.51.100.7', 'for="198.51.100.7"', 'for=198.51.100.7;by=","', 'for="[2001:db8::7]:1";host="x"'];
    const lies = [
      'for="',
      'for=127.0.0.1;x="',
      'for=127.0.0.1;x="\\',
      'for=127.0.0.1;x="a\\"',
      'for=127.0.0.1,,',
      'for=127.0.0.1;',
      '"',
      'x',
      'for=127.0.0.1 ',
    ];
    for (const lie of lies) {
      for (const truth of added) {
        const found = forwarded(`${lie}, ${truth}`);
        assert.ok(['field-malformed', '198.51.100.7', '2001:db8::7 1'].includes(found), `${lie}, ${truth}: ${found}`);
        assert.equal(forwarded(lie, truth), forwarded(truth), 'a field of its own is not looked at');
      }
    }
    assert.equal(forwarded('for=127.0.0.1;for=198.51.100.7'), 'field-malformed');
    assert.equal(forwarded('for=127.0.0.1, proto=https'), 'field-malformed', 'an element that names nobody');
  });

  test('ReDoS: a field of a whole head is read at once', () => {
    for (const piece of ['for="', '\\', 'a=b;', ' ', ',', 'for=10.0.0.1,', '"', '=', 'a']) {
      const began = performance.now();
      forwarded(piece.repeat(Math.floor(16_000 / piece.length)));
      xff(piece.repeat(Math.floor(16_000 / piece.length)));
      assert.ok(performance.now() - began < 200, piece);
    }
  });
});
