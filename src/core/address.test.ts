/** Tests of addresses and networks. */

import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { contains, householdOf, isLoopback, isPrivate, parseIp, parseNetwork, parsePrefix, reachOf } from './address.ts';

const textOf = (text: string): string | null => parseIp(text)?.text ?? null;

describe('parseIp', () => {
  test('gives each address its one spelling (RFC 5952)', () => {
    const spellings: readonly (readonly [string, string])[] = [
      ['127.0.0.1', '127.0.0.1'],
      ['255.255.255.255', '255.255.255.255'],
      ['::', '::'],
      ['::1', '::1'],
      ['0:0:0:0:0:0:0:1', '::1'],
      ['2001:DB8::0:0:1', '2001:db8::1'],
      ['2001:0db8:0000:0000:0000:ff00:0042:8329', '2001:db8::ff00:42:8329'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
      ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
      ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
      ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ];
    for (const [raw, canonical] of spellings) assert.equal(textOf(raw), canonical, raw);
  });

  test('folds a v4-mapped address to v4, however it is written', () => {
    for (const raw of ['::ffff:127.0.0.1', '::FFFF:7f00:1', '0:0:0:0:0:ffff:127.0.0.1']) assert.equal(textOf(raw), '127.0.0.1', raw);
  });

  test('refuses what other parsers read as another address', () => {
    const odd = [
      '',
      '127.1',
      '127',
      '2130706433',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '127.0.0.01',
      '127.0.0.256',
      '127.0.0.1.',
      ' 127.0.0.1',
      '127.0.0.1 ',
      '1.2.3.4.5',
    ];
    const oddV6 = [
      ':',
      ':::',
      '1::2::3',
      '::1%lo',
      '[::1]',
      '12345::',
      'g::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7::8',
      ':1:2:3:4:5:6:7',
      '::1.2.3',
      '::1.2.3.04',
      '1.2.3.4::',
      '::ffff:0x7f.1',
      '::-1',
    ];
    for (const raw of [...odd, ...oddV6, '１.2.3.4', '1.2.3.4\0']) assert.equal(parseIp(raw), null, raw);
  });

  test('takes nothing that Node does not take for an address, and reads its own spelling again', () => {
    const piece = fc.constantFrom('0', '1', '00', 'ff', 'ffff', '255', '256', '127', ':', '::', '.', 'g', '%', '0x', ' ');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join('')),
        ),
        (raw) => {
          const ip = parseIp(raw);
          if (ip === null) return;
          assert.notEqual(isIP(raw), 0, raw);
          assert.equal(parseIp(ip.text)?.text, ip.text);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('networks', () => {
  test('resource exhaustion: counts all addresses of an IPv6 /64 as one household: its owner has them all', () => {
    assert.equal(householdOf('2001:db8:1:2:3::4'), householdOf('2001:db8:1:2:ffff::'));
    assert.notEqual(householdOf('2001:db8:1:2::4'), householdOf('2001:db8:1:3::4'));
    assert.equal(householdOf('192.0.2.7'), '192.0.2.7');
  });

  test('clears the bits behind the prefix', () => {
    assert.equal(parseNetwork('10.1.2.3/8')?.text, '10.0.0.0/8');
    assert.equal(parseNetwork('192.0.2.7')?.text, '192.0.2.7/32');
    assert.equal(parseNetwork('2001:db8:ffff::/33')?.text, '2001:db8:8000::/33');
    assert.equal(parseNetwork('::/0')?.text, '::/0');
    assert.equal(parseNetwork('::ffff:10.0.0.1')?.text, '10.0.0.1/32');
  });

  test('refuses malformed prefixes', () => {
    for (const raw of [
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/-1',
      '10.0.0.0/08',
      '10.0.0.0/8/8',
      '::/129',
      '10/8',
      '::ffff:10.0.0.0/104',
      '/8',
      'a/8',
    ]) {
      assert.equal(parseNetwork(raw), null, raw);
    }
  });

  test("reads PageKite's short prefixes", () => {
    assert.equal(parsePrefix('1.2.3')?.text, '1.2.3.0/24');
    assert.equal(parsePrefix('1.2.3.')?.text, '1.2.3.0/24');
    assert.equal(parsePrefix('1.2')?.text, '1.2.0.0/16');
    assert.equal(parsePrefix('1')?.text, '1.0.0.0/8');
    assert.equal(parsePrefix('1.2.3.4')?.text, '1.2.3.4/32');
    assert.equal(parsePrefix('::1')?.text, '::1/128');
    for (const raw of ['', '.', '1.2.300', '1..3', '01.2.3', 'a.b.c']) assert.equal(parsePrefix(raw), null, raw);
  });

  test("agrees with Node's BlockList on who is inside", () => {
    const ip = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(ip, ip, fc.nat(128), (base, raw, bits) => {
        const version = isIP(base) === 4 ? 4 : 6;
        const prefix = version === 4 ? bits % 33 : bits;
        const network = parseNetwork(`${base}/${prefix}`);
        const inside = parseIp(raw);
        if (network === null || inside === null || parseIp(base)?.version !== version) return;
        const list = new BlockList();
        list.addSubnet(base, prefix, version === 4 ? 'ipv4' : 'ipv6');
        for (const candidate of [inside, network.ip]) {
          if (candidate.version !== version) continue;
          assert.equal(contains(network, candidate), list.check(candidate.text, version === 4 ? 'ipv4' : 'ipv6'));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('never takes v4 for v6', () => {
    assert.equal(contains(parseNetwork('::/0')!, parseIp('127.0.0.1')!), false);
    assert.equal(contains(parseNetwork('0.0.0.0/0')!, parseIp('::1')!), false);
  });
});

describe('reach', () => {
  test('tells machine, network and Internet apart', () => {
    for (const raw of ['127.0.0.1', '127.83.1.2', '::1', '::ffff:127.0.0.1']) assert.equal(reachOf(parseIp(raw)!), 'machine', raw);
    for (const raw of ['10.0.0.1', '192.168.1.1', '172.31.0.1', '100.64.0.1', '169.254.1.1', 'fe80::1', 'fd00::1'])
      assert.equal(reachOf(parseIp(raw)!), 'network', raw);
    for (const raw of ['1.1.1.1', '2606:4700::1', '0.0.0.0', '::', '172.32.0.1', '100.128.0.1'])
      assert.equal(reachOf(parseIp(raw)!), 'internet', raw);
  });

  test('only 127.0.0.0/8 and ::1 are loopback', () => {
    assert.deepEqual(
      ['127.255.255.254', '::1', '128.0.0.1', '126.255.255.255', '::2', '0.0.0.0'].map((raw) => isLoopback(parseIp(raw)!)),
      [true, true, false, false, false, false],
    );
  });

  test('counts addresses that carry a private one inside as private', () => {
    const inside = [
      '64:ff9b::127.0.0.1',
      '64:ff9b::a9fe:a9fe',
      '2002:7f00:1::',
      '2002:a00:1::1',
      '2001:0:7f00:1::',
      '::127.0.0.1',
      '::ffff:169.254.169.254',
    ];
    const special = [
      'fec0::1',
      'ff02::1',
      '2001:db8::1',
      '3fff::1',
      '5f00::1',
      '224.0.0.1',
      '255.255.255.255',
      '192.0.0.1',
      '198.51.100.1',
      '0.1.2.3',
    ];
    for (const raw of [...inside, ...special]) assert.equal(isPrivate(parseIp(raw)!), true, raw);
    const open = [
      '1.1.1.1',
      '9.9.9.9',
      '2606:4700:4700::1111',
      '64:ff9b::1.1.1.1',
      '169.253.255.255',
      '198.17.255.255',
      '198.20.0.1',
      '223.255.255.255',
      '128.0.0.1',
    ];
    for (const raw of open) assert.equal(isPrivate(parseIp(raw)!), false, raw);
  });
});
