/** The guard of rates: who is counted as one, what is said to who asks too often, and what outlives a configuration. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, noBody, rawExchange, type Asked } from '../../../test/doubles/exchange.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import type { Identity } from '../../core/policy/exchange.ts';
import { rate } from './rate.ts';

const service = { name: 'blog', hosts: [], behindRelay: false };
const two = { count: 2, perMs: 60_000 };
const who = (subject: string, by: Identity['by'] = 'session'): Identity => ({ guard: 'x', subject, name: 'x', by, roles: [] });

function asks(tools: TestTools, options = two, name = 'blog') {
  const { check } = rate.build(rate.options.parse(options), tools, { ...service, name });
  return async (asked: Asked): Promise<string> => {
    const verdict = await check(exchangeOf(asked), noBody);
    return verdict.is === 'deny' ? verdict.code : verdict.is;
  };
}

describe('guard rate', () => {
  test('request flood: beyond its count an address is refused with the time to wait, and others are not', async () => {
    const tools = await testTools([]);
    const ask = asks(tools);
    for (const says of ['pass', 'pass', 'requests-exceeded']) assert.equal(await ask({ from: '192.0.2.1' }), says);
    assert.equal(await ask({ from: '192.0.2.2' }), 'pass');
    tools.clock.now += 30_000;
    assert.equal(await ask({ from: '192.0.2.1' }), 'pass');
    assert.equal(await ask({ from: '192.0.2.1' }), 'requests-exceeded');
  });

  test('request flood: an IPv6 /64 is one visitor', async () => {
    const ask = asks(await testTools([]));
    for (const [from, says] of [
      ['2001:db8::1', 'pass'],
      ['2001:db8::2', 'pass'],
      ['2001:db8::3', 'requests-exceeded'],
      ['2001:db8:0:1::3', 'pass'],
    ] as const)
      assert.equal(await ask({ from }), says);
  });

  test('users and keys are counted for themselves; a link that many know by address', async () => {
    const ask = asks(await testTools([]));
    for (const subject of ['user:ana', 'user:ben', 'key:ci'])
      for (const says of ['pass', 'pass', 'requests-exceeded']) assert.equal(await ask({ identity: who(subject) }), says, subject);
    assert.equal(await ask({ identity: who('user:ana'), from: '192.0.2.99' }), 'requests-exceeded');
    for (const from of ['192.0.2.10', '192.0.2.11', '192.0.2.12']) assert.equal(await ask({ identity: who('link:a'), from }), 'pass');
  });

  test('says when to come back, in the fields that programs read', async () => {
    const tools = await testTools([]);
    const { check, words } = rate.build({ count: 1, perMs: 60_000 }, tools, service);
    await check(exchangeOf(), noBody);
    const verdict = await check(exchangeOf(), noBody);
    assert.ok(verdict.is === 'deny');
    assert.equal(verdict.answer?.status, 429);
    const fields = new Map(verdict.answer?.fields);
    assert.equal(fields.get('Retry-After'), '60');
    assert.equal(fields.get('RateLimit-Policy'), '"requests";q=1;w=60');
    assert.equal(fields.get('RateLimit'), '"requests";r=0;t=60');
    assert.equal(words, 'at most 1 requests in 60 s from one visitor');
  });

  test('a configuration that is read again forgives nobody, and services do not share', async () => {
    const tools = await testTools([]);
    const ask = asks(tools);
    for (const says of ['pass', 'pass', 'requests-exceeded']) assert.equal(await ask({}), says);
    assert.equal(await asks(tools)({}), 'requests-exceeded');
    assert.equal(await asks(tools, two, 'shop')({}), 'pass');
  });

  test('connections that are no HTTP are counted as well', async () => {
    const { check } = rate.build({ count: 1, perMs: 60_000 }, await testTools([]), service);
    assert.equal((await check(rawExchange(), noBody)).is, 'pass');
    assert.equal((await check(rawExchange(), noBody)).is, 'deny');
  });
});
