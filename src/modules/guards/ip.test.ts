/** Who comes from where. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, noBody } from '../../../test/doubles/exchange.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { ip } from './ip.ts';

const tools = await testTools([]);
const service = { name: 'blog', hosts: [], behindRelay: false };
const guardOf = (networks: unknown, behindRelay = false) => ip.build(ip.options.parse(networks), tools, { ...service, behindRelay });
const admits = (networks: unknown, from: string): boolean => {
  const verdict = guardOf(networks).check(exchangeOf({ from }), noBody);
  assert.ok(!(verdict instanceof Promise));
  return verdict.is === 'pass';
};

describe('ip', () => {
  test('lets in who comes from a network, and names the address', () => {
    assert.deepEqual(guardOf(['192.0.2.0/24']).check(exchangeOf({ from: '192.0.2.7' }), noBody), {
      is: 'pass',
      identity: { guard: 'ip', subject: 'address:192.0.2.7', name: '192.0.2.7', by: 'address', roles: [] },
    });
    assert.ok(admits(['198.51.100.1', '2001:db8::/32'], '2001:db8::1'));
    assert.ok(!admits(['192.0.2.0/25'], '192.0.2.200'));
    assert.ok(!admits(['192.0.2.1'], '192.0.2.10'));
  });

  test('refuses with address-denied, and the uniform face', () => {
    assert.deepEqual(guardOf(['192.0.2.0/24']).check(exchangeOf({ from: '198.51.100.1' }), noBody), {
      is: 'deny',
      code: 'address-denied',
      why: 'the address lies in none of the networks',
    });
  });

  test("takes PageKite's short form as a network, and folds mapped addresses", () => {
    assert.ok(admits(['192.0.2'], '192.0.2.200'));
    assert.ok(!admits(['192.0.2'], '192.0.20.1'));
    assert.ok(admits(['::ffff:192.0.2.7'], '192.0.2.7'));
  });

  test('fails closed: an address that nobody can read lies in no network', () => {
    for (const from of ['', 'localhost', '0300.0.2.7', '192.0.2.7%eth0', '3221225991'])
      assert.ok(!admits(['0.0.0.0/0', '::/0'], from), from);
    assert.ok(!admits(['0.0.0.0/0'], '2001:db8::1'));
  });

  test('believes no field about where somebody comes from', () => {
    const fields = [
      ['X-Forwarded-For', '192.0.2.7'],
      ['Forwarded', 'for=192.0.2.7'],
      ['X-Real-IP', '192.0.2.7'],
    ] as const;
    const verdict = guardOf(['192.0.2.7']).check(exchangeOf({ from: '198.51.100.1', fields }), noBody);
    assert.ok(!(verdict instanceof Promise) && verdict.is === 'deny');
  });

  test('auth configured but empty or mistyped: refuses to build', () => {
    for (const options of [
      [],
      undefined,
      '192.0.2.1',
      ['192.0.2.1/33'],
      ['192.0.2.1/'],
      ['example.org'],
      [''],
      [1],
      { allow: ['192.0.2.1'] },
    ])
      assert.ok(!ip.options.safeParse(options).success, JSON.stringify(options));
    assert.throws(() => ip.build([], tools, service), /no network/);
  });

  test('says that behind a relay an address is its word only', () => {
    assert.match(guardOf(['192.0.2.0/24'], true).words, /relay's word/);
    assert.equal(
      guardOf(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']).words,
      'an address in 192.0.2.1/32, 192.0.2.2/32, 192.0.2.3/32 and 1 more',
    );
  });
});
