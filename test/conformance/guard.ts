/** What every guard must hold, whatever it guards: one suite, run over each. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { codes } from '../../src/core/errors.ts';
import type { Guard, GuardedService } from '../../src/contracts/guard.ts';
import type { Reply } from '../../src/core/http/reply.ts';
import type { Exchange } from '../../src/core/policy/exchange.ts';
import { judge } from '../../src/core/policy/judge.ts';
import type { GatherBody, Verdict } from '../../src/core/policy/verdict.ts';
import { basicOf, bodyOf, exchangeOf, navigation, rawExchange, type Asked } from '../doubles/exchange.ts';
import { testTools, type TestTools } from '../doubles/tools.ts';

export type GuardCase = Readonly<{
  guard: Guard<unknown>;
  /** Options that the schema takes, as the configuration would say them. */
  options: unknown;
  /** Prepares what the guard needs; returns secrets that no word of it may hold. */
  prepare?: (tools: TestTools) => Promise<readonly string[]>;
}>;

const service: GuardedService = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const planted = 'planted-secret-hunter2';
const hostile = [
  '\u0000',
  '\r\nX: y',
  '\u001b[31m',
  '\u202e',
  '__proto__',
  'constructor',
  '\'"<script>',
  '%',
  '%00',
  '..',
  'ä',
  'x'.repeat(9_000),
];
const fieldNames = [
  'Authorization',
  'X-API-Key',
  'Sallyport-Authorization',
  'Cookie',
  'Origin',
  'Sec-Fetch-Site',
  'X-Hub-Signature-256',
  'Stripe-Signature',
  'X-Signature-256',
  'Accept',
];

/** Requests that a stranger could send: none of them shows a right credential. */
function strangersOf(): readonly Exchange[] {
  const asked: Asked[] = [
    {},
    { fields: navigation },
    { method: 'POST' },
    { upgrade: 'websocket' },
    { target: '*', method: 'OPTIONS' },
    { host: '' },
    { from: 'nonsense' },
  ];
  for (const text of hostile) {
    asked.push({ target: `/${text}` }, { method: text }, { host: text });
    for (const name of fieldNames) {
      for (const value of [
        text,
        `Basic ${text}`,
        `Link ${text}`,
        `Bearer ${text}`,
        basicOf(text, planted),
        `__Host-sallyport-session=${text}`,
        `sha256=${text}`,
        `t=1,v1=${text}`,
      ]) {
        asked.push(
          { fields: [[name, value]] },
          {
            method: 'POST',
            target: '/hooks/build',
            fields: [
              [name, value],
              [name, value],
            ],
          },
        );
      }
    }
  }
  return [rawExchange(), ...asked.flatMap((each) => [exchangeOf(each), exchangeOf({ ...each, scheme: 'http' })])];
}

/** Made once, for all guards: none touches what it was given, which is looked at below. */
const strangers = strangersOf();

const gathers: readonly GatherBody[] = [
  bodyOf(''),
  bodyOf('x'.repeat(100)),
  async () => null,
  () => Promise.reject(new Error(planted)),
  () => {
    throw new Error(planted);
  },
];

/** A reply of a guard: whole, and nothing in it that could end a field or be kept. */
function checkReply(reply: Reply, secrets: readonly string[], scheme: string): void {
  assert.ok(reply.status >= 200 && reply.status < 600);
  for (const [name, value] of reply.fields) {
    assert.match(name, /^[A-Za-z-]+$/);
    assert.match(value, /^[\u0020-\u007e]*$/);
    assert.ok(!['content-length', 'date', 'connection', 'transfer-encoding'].includes(name.toLowerCase()), name);
    if (scheme === 'http') assert.notEqual(name.toLowerCase(), 'set-cookie');
  }
  assert.ok(reply.fields.some(([name, value]) => name === 'Cache-Control' && value === 'no-store'));
  for (const secret of secrets) assert.ok(!JSON.stringify(reply).includes(secret), 'a secret in a reply');
}

function checkVerdict(verdict: Verdict, secrets: readonly string[], scheme: string): void {
  switch (verdict.is) {
    case 'skip':
      return;
    case 'pass':
      assert.ok((verdict.spent ?? []).every((name) => name === name.toLowerCase()));
      return;
    case 'challenge':
    case 'deny':
      assert.ok(Object.hasOwn(codes, verdict.code));
      assert.match(verdict.why, /^[\u0020-\u007e]{1,200}$/);
      for (const secret of secrets) assert.ok(!verdict.why.includes(secret), 'a secret in a reason');
      if (verdict.answer !== null && verdict.answer !== undefined) checkReply(verdict.answer, secrets, scheme);
      return;
    default:
      verdict satisfies never;
  }
}

export function guardConformance({ guard, options, prepare }: GuardCase): void {
  const build = async () => {
    // High, so that every request is looked at and not only counted.
    const tools = await testTools(['ana'], { guessesPerAccountMax: 1e6, guessesPerAddressMax: 1e6 });
    const secrets = [planted, ...((await prepare?.(tools)) ?? [])];
    return { tools, secrets, built: guard.build(guard.options.parse(options), tools, service) };
  };

  describe(`guard ${guard.name}`, () => {
    test('has a name that a configuration can say, and a stage', () => {
      assert.match(guard.name, /^[a-z][a-z0-9-]*$/);
      assert.ok(['identify', 'authorize', 'meter'].includes(guard.stage));
    });

    test('refuses an option that it does not know', () => {
      assert.ok(guard.options.safeParse(options).success);
      const more =
        typeof options === 'object' && options !== null && !Array.isArray(options) ? { ...options, unheardOf: true } : { unheardOf: true };
      assert.ok(!guard.options.safeParse(more).success);
    });

    test('speaks in words, without a secret', async () => {
      const { built, secrets } = await build();
      assert.match(built.words, /^[\u0020-\u007e]{3,200}$/);
      for (const secret of secrets) assert.ok(!built.words.includes(secret));
    });

    test('a throw never escapes: whatever a stranger sends, it answers with a verdict that holds no secret and no raw byte', async () => {
      const { built, secrets } = await build();
      for (const exchange of strangers) {
        const verdict = await built.check(exchange, bodyOf('x'));
        checkVerdict(verdict, secrets, exchange.listener.scheme);
        if (guard.stage !== 'identify' || guard.name === 'public' || guard.name === 'ip') continue;
        assert.notEqual(verdict.is, 'pass', JSON.stringify(exchange.http));
      }
    });

    test('fails closed: a body that cannot be read, and tools that are broken, let nobody in', async () => {
      const { built, secrets, tools } = await build();
      const route = { name: 'x', service: null, identify: { is: 'check', check: built.check } as const, authorize: [], meter: [] };
      for (const gather of gathers) {
        for (const exchange of strangers.slice(0, 40)) {
          const outcome = await judge(exchange, route, gather);
          assert.ok(!JSON.stringify(outcome).includes(planted) || JSON.stringify(exchange).includes(planted));
          if (guard.name !== 'public' && guard.name !== 'ip') assert.equal(outcome.is, 'refuse');
        }
      }
      const broken = (): never => {
        throw new Error(planted);
      };
      // The people are there, so that a guard can be built; whatever it asks then throws.
      const away = {
        ...tools,
        sessions: { ...tools.sessions, find: broken },
        links: { ...tools.links, find: broken, byId: broken },
        keys: { ...tools.keys, find: broken },
        passwords: { verify: broken },
      };
      const again = guard.build(guard.options.parse(options), away, service);
      const shown = exchangeOf({
        fields: [
          ['Cookie', `__Host-sallyport-session=${'A'.repeat(43)}`],
          ['Sallyport-Authorization', `Link ${'A'.repeat(32)}`],
        ],
      });
      const outcome = await judge(shown, { ...route, identify: { is: 'check', check: again.check } }, bodyOf(''));
      assert.ok(!JSON.stringify(outcome).includes(planted));
      for (const secret of secrets) assert.ok(!JSON.stringify(outcome).includes(secret));
    });

    test('never touches what it was given', async () => {
      const { built } = await build();
      for (const exchange of strangers.slice(0, 40)) {
        const before = JSON.stringify(exchange);
        await built.check(exchange, bodyOf('x'));
        assert.equal(JSON.stringify(exchange), before);
      }
    });

    test('its forms lie in our own space, answer anything, and set no cookie over plain HTTP', async () => {
      const { built, secrets } = await build();
      for (const form of built.forms ?? []) {
        assert.match(form.path, /^\/\.sallyport\/[a-z]+(?:\/\*)?$/);
        for (const text of ['', ...hostile]) {
          for (const scheme of ['https', 'http'] as const) {
            const fields = new URLSearchParams({ user: text, password: planted, to: text });
            const answer = await form.handle(exchangeOf({ method: form.method, target: form.path, scheme }), { fields, rest: text });
            if ('is' in answer) checkVerdict(answer, secrets, scheme);
            else checkReply(answer, secrets, scheme);
          }
        }
      }
    });
  });
}
