/** Webhooks: signatures, secret paths and replays. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { bodyOf, exchangeOf, noBody, type Asked } from '../../../test/doubles/exchange.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { GatherBody } from '../../core/policy/verdict.ts';
import { webhook } from './webhook.ts';

const key = 'a-webhook-secret-of-some-length';
const body = '{"event":"push"}';
const hmac = (text: string, secret = key): string => createHmac('sha256', secret).update(text).digest('hex');
type Kind = 'secret' | 'github' | 'stripe' | 'hmac';

async function hook(kind: Kind, path = '/hooks/build') {
  const tools = await testTools([]);
  tools.secrets.set('build', new TextEncoder().encode(key));
  const guard = webhook.build(webhook.options.parse({ path, kind, secret: 'build' }), tools, { name: 'ci', hosts: [], behindRelay: false });
  const tried = async (asked: Asked, gather: GatherBody = bodyOf(body)): Promise<string> => {
    const verdict = await guard.check(exchangeOf({ method: 'POST', target: path, ...asked }), gather);
    return verdict.is === 'pass' ? `pass ${verdict.identity?.subject}` : verdict.is === 'skip' ? 'skip' : verdict.code;
  };
  return { guard, tools, tried };
}

const signed = (name: string, value: string): Asked => ({ fields: [[name, value]] });

describe('webhook', () => {
  test('github: lets in the body that was signed, and no other', async () => {
    const { tried } = await hook('github');
    const name = 'X-Hub-Signature-256';
    assert.equal(await tried(signed(name, `sha256=${hmac(body)}`)), 'pass webhook:/hooks/build');
    assert.equal(await tried(signed(name, `sha256=${hmac(body)}`), bodyOf(`${body} `)), 'signature-wrong');
    assert.equal(await tried(signed(name, `sha256=${hmac(body, 'another secret')}`)), 'signature-wrong');
    assert.equal(await tried(signed(name, `sha256=${hmac('')}`), bodyOf('')), 'pass webhook:/hooks/build');
  });

  test('has one form of a signature, read before the body is', async () => {
    const { tried } = await hook('github');
    const right = hmac(body);
    for (const value of [
      right,
      `sha1=${right}`,
      `sha256=${right.slice(1)}`,
      `sha256=${right}0`,
      `sha256=${right.toUpperCase()}`,
      `sha256= ${right}`,
      `sha256=${'zz'.repeat(32)}`,
      'sha256=',
      '',
    ]) {
      assert.equal(await tried(signed('X-Hub-Signature-256', value), noBody), 'signature-wrong', value);
    }
    assert.equal(await tried({}, noBody), 'signature-wrong');
    assert.equal(
      await tried(
        {
          fields: [
            ['X-Hub-Signature-256', `sha256=${right}`],
            ['X-Hub-Signature-256', `sha256=${right}`],
          ],
        },
        noBody,
      ),
      'signature-wrong',
    );
  });

  test('hmac: hex with or without its prefix', async () => {
    const { tried } = await hook('hmac');
    for (const value of [hmac(body), `sha256=${hmac(body)}`, hmac(body).toUpperCase()])
      assert.match(await tried(signed('X-Signature-256', value)), /^pass/);
    assert.equal(await tried(signed('X-Signature-256', hmac('x'))), 'signature-wrong');
  });

  test('stripe: the moment is signed, and a delivery is not played again later', async () => {
    const { tried, tools } = await hook('stripe');
    const at = Math.floor(tools.clock.now / 1000);
    const value = (time: number | string, text = body): string => `t=${time},v1=${hmac(`${time}.${text}`)}`;
    const name = 'Stripe-Signature';
    assert.match(await tried(signed(name, value(at))), /^pass/);
    assert.match(await tried(signed(name, `${value(at - 299)},v0=abc`)), /^pass/);
    assert.match(await tried(signed(name, `t=${at},v1=${hmac('old secret')},v1=${hmac(`${at}.${body}`)}`)), /^pass/);
    for (const time of [at - 301, at + 301, 0]) assert.equal(await tried(signed(name, value(time)), noBody), 'signature-wrong');
    for (const text of [
      `t=${at}`,
      `v1=${hmac(`${at}.${body}`)}`,
      `${value(at)},t=${at - 1}`,
      value('1e9'),
      value(`-${at}`),
      `t=${at},v1=x`,
      `${value(at)},v1=`,
      'a'.repeat(2_000),
    ])
      assert.equal(await tried(signed(name, text), noBody), 'signature-wrong', text);
    assert.equal(await tried(signed(name, `t=${at - 1},v1=${hmac(`${at}.${body}`)}`)), 'signature-wrong');
    assert.equal(await tried(signed(name, `t=${at},v1=${hmac(body)}`)), 'signature-wrong');
  });

  test('secret path: the last part is the secret, compared whole', async () => {
    const { tried, guard } = await hook('secret');
    assert.equal(await tried({ target: `/hooks/build/${key}` }, noBody), 'pass webhook:/hooks/build');
    assert.equal(await tried({ target: `/hooks/build/${key}?delivery=1` }, noBody), 'pass webhook:/hooks/build');
    for (const target of [
      `/hooks/build/${key}x`,
      `/hooks/build/${key.slice(1)}`,
      '/hooks/build/',
      `/hooks/build/${key}/more`,
      `/hooks/build/x/${key}`,
    ])
      assert.equal(await tried({ target }, noBody), 'signature-wrong', target);
    assert.equal(await tried({ target: '/hooks/build' }, noBody), 'skip');
    assert.ok(!guard.words.includes(key));
  });

  test('secrets in logs: whose path is the secret is marked so that no log keeps it', async () => {
    for (const kind of ['secret', 'hmac'] as const) {
      const { guard } = await hook(kind);
      const target = kind === 'secret' ? `/hooks/build/${key}` : '/hooks/build';
      const verdict = await guard.check(exchangeOf({ method: 'POST', target, ...signed('X-Signature-256', hmac(body)) }), bodyOf(body));
      assert.equal(verdict.is === 'pass' && (verdict.identity?.secretPath ?? false), kind === 'secret');
    }
  });

  test('path normalisation: opens one path in one spelling, for POST', async () => {
    const { tried } = await hook('github');
    const right = signed('X-Hub-Signature-256', `sha256=${hmac(body)}`);
    for (const target of [
      '/',
      '/hooks',
      '/hooks/build/',
      '/hooks/build/x',
      '/hooks//build',
      '/hooks/./build',
      '/hooks/x/../build',
      '/hooks/build;x',
      '/hooks%2fbuild',
      '//hooks/build',
      '/Hooks/build',
      '/hooks/build%00',
      '/hooks/build/..;/admin',
      '/hooks\\build',
    ])
      assert.equal(await tried({ ...right, target }, noBody), 'skip', target);
    for (const method of ['GET', 'PUT', 'HEAD', 'post']) assert.equal(await tried({ ...right, method }, noBody), 'skip', method);
    assert.match(await tried({ ...right, target: '/hooks/build?x=/admin' }), /^pass/);
    assert.match(await tried({ ...right, target: '/%68ooks/build' }), /^pass/);
  });

  test('a body that is too long is refused', async () => {
    const { tried, tools } = await hook('github');
    let asked = 0;
    const gather: GatherBody = async (bytesMax) => {
      asked = bytesMax;
      return null;
    };
    assert.equal(await tried(signed('X-Hub-Signature-256', `sha256=${hmac(body)}`), gather), 'body-too-large');
    assert.equal(asked, tools.limits.webhookBodyBytesMax);
  });

  test('a secret that is gone lets nobody in', async () => {
    for (const kind of ['github', 'secret'] as const) {
      const { tried, tools } = await hook(kind);
      tools.secrets.delete('build');
      const target = kind === 'secret' ? `/hooks/build/${key}` : '/hooks/build';
      assert.equal(await tried({ target, ...signed('X-Hub-Signature-256', `sha256=${hmac(body, '')}`) }), 'signature-wrong');
    }
  });

  test('auth configured but empty: refuses to build without a secret, and with one that no path can hold', async () => {
    const tools = await testTools([]);
    const service = { name: 'ci', hosts: [], behindRelay: false };
    const build = (kind: Kind): unknown => webhook.build({ path: '/hook', kind, secret: 'build' }, tools, service);
    const malformed = (error: unknown): boolean =>
      error instanceof SallyportError && error.code === 'config-malformed' && !error.message.includes('slash/');
    for (const kind of ['secret', 'github'] as const) assert.throws(() => build(kind), malformed);
    tools.secrets.set('build', new Uint8Array());
    assert.throws(() => build('github'), malformed);
    tools.secrets.set('build', new TextEncoder().encode('slash/slash/slash/slash'));
    assert.throws(() => build('secret'), malformed);
    tools.secrets.set('build', new TextEncoder().encode('short'));
    assert.throws(() => build('secret'), malformed);
  });

  test('options: one clear path outside our own, a known kind, the name of a secret', () => {
    const good = { path: '/hooks/build', kind: 'github', secret: 'build' };
    assert.ok(webhook.options.safeParse(good).success);
    for (const wrong of [
      { path: '/' },
      { path: 'hooks' },
      { path: '/a/../b' },
      { path: '/a//b' },
      { path: '/a%20b' },
      { path: '/.sallyport/x' },
      { kind: 'gitlab' },
      { kind: undefined },
      { secret: '' },
      { secret: '../x' },
      { more: 1 },
    ])
      assert.ok(!webhook.options.safeParse({ ...good, ...wrong }).success, JSON.stringify(wrong));
  });
});
