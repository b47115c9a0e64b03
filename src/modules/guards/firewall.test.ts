/** The guard around the firewall: modes, methods, reasons. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, noBody, rawExchange, type Asked } from '../../../test/doubles/exchange.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import type { Identity } from '../../core/policy/exchange.ts';
import { firewall } from './firewall.ts';

const tools = await testTools([]);
const who = (by: Identity['by']): Identity => ({ guard: 'x', subject: 'x', name: 'x', by, roles: [] });
const tried = async (mode: unknown, asked: Asked): Promise<string> => {
  const verdict = await firewall
    .build(firewall.options.parse(mode), tools, { name: 'blog', hosts: [], behindRelay: false })
    .check(exchangeOf(asked), noBody);
  return verdict.is === 'deny' ? verdict.code : verdict.is;
};

describe('firewall guard', () => {
  test('is on by default, also for who was let in', async () => {
    assert.equal(await tried(undefined, { target: '/.git/config', identity: who('basic') }), 'path-denied');
    assert.equal(await tried(undefined, { target: '/' }), 'pass');
  });

  test('asks every method', async () => {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND', 'FOO'])
      assert.equal(await tried('on', { target: '/.git/config', method }), 'path-denied', method);
  });

  test('Cross-Site Tracing: TRACE and TRACK are 405 on every path, unless the firewall is off', async () => {
    for (const method of ['TRACE', 'TRACK', 'trace', 'Track'])
      for (const target of ['/', '/a/b?c', '/.git/config', '*'])
        assert.equal(await tried('on', { target, method }), 'method-denied', method);
    const guard = firewall.build('on', tools, { name: 'blog', hosts: [], behindRelay: false });
    const verdict = await guard.check(exchangeOf({ method: 'TRACE' }), noBody);
    assert.ok(verdict.is === 'deny');
    assert.equal(verdict.answer?.status, 405);
    assert.match(verdict.answer.fields.find(([name]) => name === 'Allow')?.[1] ?? '', /^GET, HEAD, POST/);
    assert.doesNotMatch(JSON.stringify(verdict.answer), /TRA/);
    assert.equal(await tried('off', { method: 'TRACE' }), 'pass');
    assert.equal(await tried('auto', { method: 'TRACE', identity: who('session') }), 'pass');
    assert.equal(await tried('auto', { method: 'TRACE' }), 'method-denied');
    for (const method of ['TRACER', 'TRAC', 'TRACY', 'PATCH']) assert.equal(await tried('on', { method }), 'pass', method);
  });

  test('off is off; auto is off where other access control let somebody in', async () => {
    const target = '/.git/config';
    assert.equal(await tried('off', { target }), 'pass');
    for (const by of ['basic', 'session', 'header', 'address', 'signature'] as const)
      assert.equal(await tried('auto', { target, identity: who(by) }), 'pass', by);
    assert.equal(await tried('auto', { target, identity: who('nothing') }), 'path-denied');
    assert.equal(await tried('auto', { target }), 'path-denied');
  });

  test('has nothing to say where there is no path', async () => {
    assert.equal(await tried('on', { target: '*', method: 'OPTIONS' }), 'pass');
    const guard = firewall.build('on', tools, { name: 'x', hosts: [], behindRelay: false });
    assert.deepEqual(await guard.check(rawExchange(), noBody), { is: 'pass' });
  });

  test('log injection: the reason holds nothing of the path', async () => {
    const guard = firewall.build('on', tools, { name: 'x', hosts: [], behindRelay: false });
    const verdict = await guard.check(exchangeOf({ target: '/.a%1b%5b31m%0d%0a' }), noBody);
    assert.ok(verdict.is === 'deny');
    assert.match(verdict.why, /^[a-z ]+$/);
  });

  test('takes on, off and auto', () => {
    for (const options of [true, false, 'ON', {}, null]) assert.ok(!firewall.options.safeParse(options).success, JSON.stringify(options));
  });
});
