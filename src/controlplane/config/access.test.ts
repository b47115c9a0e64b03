/** What the access of a service is made into. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import { guards } from '../../registry.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { buildAccess } from './access.ts';
import { offersAt } from './offers.ts';

const service = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false, door: 'first' };
const login = (issuer: string) => ({
  guard: 'oidc',
  options: guards.get('oidc')?.options.parse({ issuer, client: 'gateway', everyone: true }),
});

test('a service has one login: a second provider is refused, and not left unasked', async () => {
  const tools = await testTools([]);
  const built = buildAccess([[login('https://one.example.test')], [{ guard: 'link', options: {} }]], false, guards, tools, service);
  assert.ok(built.guarded);
  assert.match(built.words, /any account of one\.example\.test/);
  for (const access of [
    [[login('https://one.example.test')], [login('https://two.example.test')]],
    [[login('https://one.example.test'), login('https://two.example.test')]],
  ])
    assert.throws(
      () => buildAccess(access, false, guards, tools, service),
      (error) => error instanceof SallyportError && error.code === 'config-malformed' && /one login/.test(error.message),
    );
});

test('an account is offered at the names of services that take one, and nowhere else', async () => {
  const tools = await testTools([]);
  const { forms } = buildAccess([[login('https://one.example.test')]], false, guards, tools, service);
  const shop = { hosts: ['shop.example.test'], forms: [], asksPassword: true };
  const at = offersAt([{ hosts: service.hosts, forms, asksPassword: false }, shop]);
  const others = { passkey: false, totp: false, pin: false, email: false };
  assert.deepEqual(at('blog.example.test'), { password: true, account: true, ...others });
  for (const host of ['shop.example.test', 'nobody.example.test', ''])
    assert.deepEqual(at(host), { password: true, account: false, ...others });
  assert.equal(offersAt([{ hosts: [], forms, asksPassword: false }])('any.example.test').account, true);
});
