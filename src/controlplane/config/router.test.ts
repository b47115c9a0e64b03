/** Services that share a name share its door: one login, one session, each with its own users. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { goodPassword, testTools } from '../../../test/doubles/tools.ts';
import { judge } from '../../core/policy/judge.ts';
import { guards, upstreams } from '../../registry.ts';
import { compile } from './compile.ts';
import { configOrThrow, configParser } from './parse.ts';

async function shared(closed: readonly string[] = []) {
  const text = `
listen: https://127.0.0.1:8443
services:
  blog: { at: x.org, to: 1000, access: [{ password: { users: [ana] } }] }
  api: { at: x.org/api, to: 2000, access: [{ password: { users: [ana, ben] } }] }
`;
  const config = configOrThrow(configParser([...guards.values()]).parse(text, '/x/sallyport.yaml'), 'sallyport.yaml');
  return compile(config, {
    guards,
    upstreams,
    tools: await testTools(['ana', 'ben']),
    ways: { relay: null, machine: [] },
    namesOf: ({ at }) => at,
    isOpen: (name) => !closed.includes(name),
    openedAt: () => 0,
    version: 1,
    checkNonce: 'n',
    platform: 'linux',
  });
}

type Shared = Awaited<ReturnType<typeof shared>>;

async function signIn({ snapshot }: Shared, user: string): Promise<string | null> {
  const exchange = exchangeOf({ method: 'POST', target: '/.sallyport/login', host: 'x.org' });
  const form = snapshot.route(exchange)?.service.forms.find(({ method, path }) => method === 'POST' && path === '/.sallyport/login');
  assert.ok(form !== undefined);
  const answer = await form.handle(exchange, { fields: new URLSearchParams({ user, password: goodPassword, to: '/' }), rest: '' });
  const fields = 'is' in answer ? (answer.answer?.fields ?? []) : answer.fields;
  return (
    fields.find(([name, value]) => name.toLowerCase() === 'set-cookie' && value.includes('sallyport-session='))?.[1].split(';')[0] ?? null
  );
}

async function visit({ snapshot }: Shared, target: string, cookie: string): Promise<string> {
  const exchange = exchangeOf({ target, host: 'x.org', fields: [['Cookie', cookie]] });
  const route = snapshot.route(exchange);
  if (route === null) return 'nobody';
  const outcome = await judge(exchange, route, async () => null);
  return outcome.is === 'admit' ? `${route.service.name} as ${outcome.exchange.identity?.name ?? ''}` : outcome.code;
}

test('one login opens every service of the name that the user may enter', async () => {
  const services = await shared();
  const ana = await signIn(services, 'ana');
  assert.ok(ana !== null);
  assert.equal(await visit(services, '/', ana), 'blog as ana');
  assert.equal(await visit(services, '/api/x', ana), 'api as ana');
  const ben = await signIn(services, 'ben');
  assert.ok(ben !== null);
  assert.equal(await visit(services, '/api/x', ben), 'api as ben');
  assert.equal(
    await visit(services, '/', ben),
    'credentials-expired',
    'the session is one of the name, the users are those of the service',
  );
  for (let time = 0; time < 8; time += 1)
    assert.ok((await signIn(services, 'ben')) !== null, `login ${time}: the first door's no is no guess`);
  await services.close();
});

test('the door stays where the service at the root is closed', async () => {
  const services = await shared(['blog']);
  const ben = await signIn(services, 'ben');
  assert.ok(ben !== null);
  assert.equal(await visit(services, '/api/x', ben), 'api as ben');
  await services.close();
});
