/** The judge: trees, stages, failures, promises and cost. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, noBody } from '../../../test/doubles/exchange.ts';
import type { Code } from '../errors.ts';
import type { Exchange, Identity } from './exchange.ts';
import { judge, type Outcome } from './judge.ts';
import type { Route, Tree } from './route.ts';
import type { Check, Verdict } from './verdict.ts';

const who = (by: Identity['by'], subject = `user:${by}`): Identity => ({ guard: 'test', subject, name: subject, by, roles: [] });
const pass = (identity?: Identity, spent?: readonly string[]): Verdict => ({
  is: 'pass',
  ...(identity && { identity }),
  ...(spent && { spent }),
});
const challenge = (code: Code): Verdict => ({ is: 'challenge', code, why: `because ${code}`, answer: null });
const skip: Verdict = { is: 'skip' };
const one = (answer: Verdict | Promise<Verdict>): Tree => ({ is: 'check', check: () => answer });
const any = (...of: readonly Tree[]): Tree => ({ is: 'any', of });
const all = (...of: readonly Tree[]): Tree => ({ is: 'all', of });
const nonsense =
  (value: unknown): Check =>
  () =>
    value as Verdict;

function route(identify: Tree | null, authorize: readonly Check[] = [], meter: readonly Check[] = []): Route<null> {
  return { name: 'test', service: null, identify, authorize, meter };
}

function sync(outcome: Outcome | Promise<Outcome>): Outcome {
  assert.ok(!(outcome instanceof Promise), 'a promise was made');
  return outcome;
}

/** What no careful code throws, and careless code does. */
function thrown(value: unknown): never {
  throw value as Error;
}

function refused(outcome: Outcome | Promise<Outcome>): string {
  const settled = sync(outcome);
  assert.equal(settled.is, 'refuse');
  return settled.is === 'refuse' ? `${settled.stage} ${settled.code}` : '';
}

const basic = one(pass(who('basic')));
const exchange = exchangeOf();

describe('judge', () => {
  test('refuses where no guard is named', () => {
    assert.equal(refused(judge(exchange, route(null), noBody)), 'identify credentials-missing');
  });

  test('refuses an empty tree of any and of all', () => {
    assert.equal(refused(judge(exchange, route(any()), noBody)), 'identify guard-failed');
    assert.equal(refused(judge(exchange, route(all()), noBody)), 'identify guard-failed');
    assert.equal(refused(judge(exchange, route(any(all(), any())), noBody)), 'identify guard-failed');
  });

  test('admits with the identity and what was spent, and changes no exchange', () => {
    const outcome = sync(
      judge(exchange, route(one(pass(who('basic'), ['authorization'])), [() => pass(undefined, ['x-key'])], [() => pass()]), noBody),
    );
    assert.equal(outcome.is, 'admit');
    if (outcome.is !== 'admit') return;
    assert.equal(outcome.exchange.identity?.subject, 'user:basic');
    assert.deepEqual(outcome.spent, ['authorization', 'x-key']);
    assert.equal(exchange.identity, null);
  });

  test('forgets an identity that came with the exchange', () => {
    const forged = { ...exchange, identity: who('basic', 'user:root') };
    assert.equal(refused(judge(forged, route(one(skip)), noBody)), 'identify credentials-missing');
    const outcome = sync(judge(forged, route(one(pass(who('address')))), noBody));
    assert.equal(outcome.is === 'admit' && outcome.exchange.identity?.subject, 'user:address');
  });

  test('any: the first that passes wins, and those after it are not asked', () => {
    const never = (): Verdict => assert.fail('asked');
    const outcome = sync(
      judge(
        exchange,
        route(
          any(one(challenge('credentials-wrong')), one({ is: 'deny', code: 'address-denied', why: 'far' }), basic, {
            is: 'check',
            check: never,
          }),
        ),
        noBody,
      ),
    );
    assert.equal(outcome.is, 'admit');
  });

  test('any: the most telling refusal is the one that is told', () => {
    const order: readonly Code[] = ['credentials-throttled', 'credentials-expired', 'credentials-missing', 'address-denied'];
    for (const [at, telling] of order.entries()) {
      const branches = order.slice(at).map((code) => one(challenge(code)));
      assert.equal(refused(judge(exchange, route(any(...branches.toReversed())), noBody)), `identify ${telling}`);
      assert.equal(refused(judge(exchange, route(any(...branches)), noBody)), `identify ${telling}`);
    }
    assert.equal(
      refused(judge(exchange, route(any(one(challenge('credentials-missing')), one(challenge('credentials-wrong')))), noBody)),
      'identify credentials-wrong',
    );
    assert.equal(refused(judge(exchange, route(any(one(skip), one(skip))), noBody)), 'identify credentials-missing');
  });

  test('all: every branch must pass, the strongest identity stands and what was spent is joined', () => {
    const address = one(pass(who('address'), ['x-a']));
    const person = one(pass(who('session'), ['x-b', 'x-a']));
    for (const tree of [all(address, person), all(person, address), all(one(pass(who('nothing'))), address, person)]) {
      const outcome = sync(judge(exchange, route(tree), noBody));
      assert.equal(outcome.is === 'admit' && outcome.exchange.identity?.by, 'session');
      assert.deepEqual(outcome.is === 'admit' && outcome.spent.toSorted(), ['x-a', 'x-b']);
    }
    assert.equal(refused(judge(exchange, route(all(address, one(skip))), noBody)), 'identify credentials-missing');
    assert.equal(
      refused(judge(exchange, route(all(one({ is: 'deny', code: 'address-denied', why: 'far' }), person)), noBody)),
      'identify address-denied',
    );
  });

  test('a pass that names nobody lets nobody in', () => {
    assert.equal(refused(judge(exchange, route(one(pass())), noBody)), 'identify guard-failed');
  });

  test('authorize and meter: all must pass, in this order, with the identity known', () => {
    const asked: string[] = [];
    const ask =
      (name: string, answer: Verdict): Check =>
      (seen: Exchange) => {
        asked.push(`${name} ${seen.identity?.subject}`);
        return answer;
      };
    const deny: Verdict = { is: 'deny', code: 'path-denied', why: 'no' };
    assert.equal(
      refused(judge(exchange, route(basic, [ask('a', pass()), ask('b', deny), ask('c', pass())], [ask('m', pass())]), noBody)),
      'authorize path-denied',
    );
    assert.deepEqual(asked, ['a user:basic', 'b user:basic']);
    assert.equal(refused(judge(exchange, route(basic, [ask('a', pass())], [ask('m', deny)]), noBody)), 'meter path-denied');
  });

  test('a skip after identify is no open door', () => {
    assert.equal(refused(judge(exchange, route(basic, [() => skip]), noBody)), 'authorize guard-failed');
    assert.equal(refused(judge(exchange, route(basic, [], [() => skip]), noBody)), 'meter guard-failed');
  });

  test('an identity cannot change after identify', () => {
    const outcome = sync(judge(exchange, route(basic, [() => pass(who('basic', 'user:root'))]), noBody));
    assert.equal(outcome.is === 'admit' && outcome.exchange.identity?.subject, 'user:basic');
  });

  test('fails closed: whatever a check throws, rejects with or returns in nonsense is guard-failed', async () => {
    const secret = 'hunter2hunter2';
    const evil: unknown = {
      get is(): never {
        throw new Error(secret);
      },
    };
    const broken: readonly Check[] = [
      () => {
        throw new Error(secret);
      },
      () => thrown(secret),
      () => thrown(null),
      () => Promise.reject(new Error(secret)),
      async () => undefined as unknown as Verdict,
      ...[
        undefined,
        null,
        true,
        'pass',
        1,
        [],
        {},
        evil,
        { is: 'PASS' },
        { is: 'pass', identity: 'ana' },
        { is: 'pass', identity: {} },
        { is: 'pass', identity: who('basic'), spent: 'cookie' },
      ].map(nonsense),
      nonsense({ is: 'deny', code: 'no-such-code', why: '' }),
      nonsense({ is: 'deny', code: 'toString', why: '' }),
      nonsense({ is: 'challenge', code: 'credentials-wrong' }),
    ];
    for (const check of broken) {
      const everywhere: readonly Route<null>[] = [
        route({ is: 'check', check }),
        route(any({ is: 'check', check }, one(skip))),
        route(all({ is: 'check', check }, basic)),
        route(basic, [check]),
        route(basic, [], [check]),
      ];
      for (const tried of everywhere) {
        const outcome: Outcome = await judge(exchange, tried, noBody);
        assert.equal(outcome.is === 'refuse' && outcome.code, 'guard-failed');
        assert.ok(!JSON.stringify(outcome).includes(secret), 'a secret of an error was told');
      }
    }
  });

  test('a guard that fails does not stop another that passes', () => {
    assert.equal(sync(judge(exchange, route(any({ is: 'check', check: nonsense(null) }, basic)), noBody)).is, 'admit');
  });

  test('promises anywhere give the same as answers at once', async () => {
    const later = (verdict: Verdict): Tree => one(Promise.resolve(verdict));
    const admitted = await judge(
      exchange,
      route(
        any(later(skip), all(later(pass(who('address'))), one(pass(who('basic'), ['authorization']))), basic),
        [async () => pass(undefined, ['x-key'])],
        [async () => pass()],
      ),
      noBody,
    );
    assert.equal(admitted.is === 'admit' && admitted.exchange.identity?.by, 'basic');
    assert.deepEqual(admitted.is === 'admit' && admitted.spent, ['authorization', 'x-key']);
    const refusal = await judge(
      exchange,
      route(any(later(challenge('credentials-missing')), one(challenge('credentials-wrong')), later(skip))),
      noBody,
    );
    assert.equal(refusal.is === 'refuse' && refusal.code, 'credentials-wrong');
    const denied = await judge(
      exchange,
      route(later(pass(who('basic'))), [async () => ({ is: 'deny', code: 'path-denied', why: 'no' })]),
      noBody,
    );
    assert.equal(denied.is === 'refuse' && `${denied.stage} ${denied.code}`, 'authorize path-denied');
  });

  test('two checks that answer at once cost less than a microsecond', () => {
    const plain = route(any(basic), [() => pass()], []);
    const fields = Array.from({ length: 12 }, (_, at) => [`X-Field-${at}`, 'value'] as const);
    const many = exchangeOf({ fields });
    const rounds = 20_000;
    let best = Infinity;
    for (let batch = 0; batch < 10; batch += 1) {
      const begun = process.hrtime.bigint();
      for (let round = 0; round < rounds; round += 1) void judge(many, plain, noBody);
      best = Math.min(best, Number(process.hrtime.bigint() - begun) / rounds);
    }
    // The best of ten: other programs share this machine.
    assert.ok(best < 2_000, `${best.toFixed(0)} ns`);
  });
});
