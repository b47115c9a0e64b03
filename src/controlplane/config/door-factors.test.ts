/** Services of one name that ask for different things: one login page, which asks for what the place wants. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { fieldsOf, told } from '../../../test/doubles/factors.ts';
import { goodPassword, testTools } from '../../../test/doubles/tools.ts';
import { judge } from '../../core/policy/judge.ts';
import { guards, upstreams } from '../../registry.ts';
import { compile } from './compile.ts';
import { configOrThrow, configParser } from './parse.ts';

test('below /admin a code is asked for, elsewhere a password is enough, and the session of both opens both', async () => {
  const text = `
listen: https://127.0.0.1:8443
services:
  blog: { at: x.org, to: 1000, access: [{ password: {} }] }
  admin: { at: x.org/admin, to: 2000, access: [{ password: { users: [ana] }, totp: {} }] }
`;
  const tools = await testTools(['ana', 'ben']);
  const { codes } = tools.people.logins;
  const secret = codes.newSecret();
  await codes.enrol('ana', secret);
  const totp = new TOTP({ secret: new Secret({ buffer: new Uint8Array(secret).buffer }) });
  const { snapshot, close } = compile(
    configOrThrow(configParser([...guards.values()]).parse(text, '/x/sallyport.yaml'), 'sallyport.yaml'),
    {
      guards,
      upstreams,
      tools,
      ways: { relay: null, machine: [] },
      namesOf: ({ at }) => at,
      isOpen: () => true,
      openedAt: () => 0,
      version: 1,
      checkNonce: 'n',
      platform: 'linux',
    },
  );
  const send = async (path: string, fields: Readonly<Record<string, string>>, cookie = '') => {
    const exchange = exchangeOf({ method: 'POST', target: path, host: 'x.org', fields: cookie === '' ? [] : [['Cookie', cookie]] });
    const form = snapshot.route(exchange)?.service.forms.find((each) => each.method === 'POST' && each.path === path);
    assert.ok(form !== undefined);
    const answer = await form.handle(exchange, { fields: new URLSearchParams(fields), rest: '' });
    const cookies = fieldsOf(answer, 'set-cookie').map((each) => each.split(';')[0] ?? '');
    return { told: told(answer), cookie: cookies.find((each) => /(?:step|session)=./.test(each)) ?? '' };
  };
  const visit = async (target: string, cookie: string): Promise<string> => {
    const exchange = exchangeOf({ target, host: 'x.org', fields: [['Cookie', cookie]] });
    const route = snapshot.route(exchange);
    assert.ok(route !== null);
    const outcome = await judge(exchange, route, async () => null);
    return outcome.is === 'admit' ? route.service.name : outcome.code;
  };
  const sign = (user: string, to: string) => send('/.sallyport/login', { user, password: goodPassword, to });

  const ben = await sign('ben', '/posts');
  assert.equal(ben.told, '303 /posts');
  assert.equal(await visit('/posts', ben.cookie), 'blog');
  assert.equal((await sign('ben', '/admin/x')).told, '303 /admin/x', 'who has no business there gets what they may have');
  const simple = await sign('ana', '/');
  assert.deepEqual([await visit('/', simple.cookie), await visit('/admin', simple.cookie)], ['blog', 'credentials-missing']);
  const begun = await sign('ana', '/admin/x?id=1');
  assert.equal(begun.told, '303 /.sallyport/totp');
  const whole = await send('/.sallyport/totp', { code: totp.generate({ timestamp: tools.clock.now }) }, begun.cookie);
  assert.equal(whole.told, '303 /admin/x?id=1');
  assert.deepEqual([await visit('/', whole.cookie), await visit('/admin', whole.cookie)], ['blog', 'admin']);
  for (const to of ['/admin/../', '//admin', '/%2e/admin', 'https://evil.example/admin', '']) {
    assert.match((await sign('ana', to)).told, /^303 \//, to);
  }
  await close();
});
