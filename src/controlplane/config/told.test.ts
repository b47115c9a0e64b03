/** What a service is told of who asks, and how it can verify that. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import type { Identity } from '../../core/policy/exchange.ts';
import { openAssertions } from '../identities/assertions.ts';
import { buildTold, type ToldPlan } from './told.ts';

const ana: Identity = { guard: 'password', subject: 'user:ana', name: 'ana', by: 'session', roles: ['reader'] };
const own = new Map([['ana', ['editor', 'reader']]]);
const both: ToldPlan = { headers: true, assertion: true };
const host = 'blog.example.test';

function telling(tools: TestTools, plan: ToldPlan = { headers: true, assertion: false }) {
  const told = buildTold(plan, 'blog', own, tools);
  return { forms: told.forms, tell: (identity: Identity | null, at = host) => told.tell(exchangeOf({ identity, host: at })) };
}
const assertionIn = (text: string): string => /X-Sallyport-Assertion: (\S+)\r\n/.exec(text)?.[1] ?? '';

test('a user is told by name, with the roles of everywhere and of this service', async () => {
  const { tell } = telling(await testTools());
  assert.equal(tell(ana), 'X-Sallyport-User: ana\r\nX-Sallyport-Roles: editor,reader\r\n');
  assert.equal(tell({ ...ana, subject: 'user:ben', roles: [] }), 'X-Sallyport-User: ben\r\n');
});

test('identity spoofing: a key or a link that is called as a user is not told as that user', async () => {
  const { tell } = telling(await testTools());
  assert.equal(tell({ ...ana, guard: 'key', subject: 'key:ana', roles: [] }), 'X-Sallyport-User: key:ana\r\n');
  assert.equal(
    tell({ ...ana, guard: 'link', subject: 'link:3f9a0c11d2', name: 'ana', roles: [] }),
    'X-Sallyport-User: link:3f9a0c11d2\r\n',
  );
  assert.equal(tell({ ...ana, subject: 'anyone', by: 'nothing' }), '');
  assert.equal(tell({ ...ana, subject: 'address:192.0.2.7', by: 'address' }), '');
  assert.equal(tell(null), '');
});

test('identity spoofing: nothing in a subject or a role begins another line or another role', async () => {
  const { tell } = telling(await testTools());
  const text = tell({ ...ana, subject: 'oidc:x\r\nX-Sallyport-User: root', roles: ['a,admin', 'b\nc', '\ud800', 'ü'] });
  assert.equal(text, 'X-Sallyport-User: oidc:x%0D%0AX-Sallyport-User:%20root\r\nX-Sallyport-Roles: %C3%BC,%EF%BF%BD,a%2Cadmin,b%0Ac\r\n');
});

test('the assertion is verified by any library against the keys that are served, for this service and host only', async () => {
  const tools = await testTools();
  const { tell, forms } = telling(tools, both);
  const token = assertionIn(tell(ana));
  const [form] = forms;
  const reply = await form?.handle(exchangeOf(), { fields: new URLSearchParams(), rest: '' });
  assert.ok(reply !== undefined && 'body' in reply);
  const keys = createLocalJWKSet(JSON.parse(String(reply.body)) as JSONWebKeySet);
  const wanted = { issuer: `https://${host}`, audience: 'blog', algorithms: ['ES256'], currentDate: new Date(tools.clock.now) };
  const { payload } = await jwtVerify(token, keys, wanted);
  assert.deepEqual([payload.sub, payload['roles'], (payload.exp ?? 0) - (payload.iat ?? 0)], ['ana', ['editor', 'reader'], 120]);
  await assert.rejects(jwtVerify(token, keys, { ...wanted, audience: 'photos' }));
  await assert.rejects(jwtVerify(assertionIn(tell(ana, 'www.example.test')), keys, wanted));
  await assert.rejects(jwtVerify(token, keys, { ...wanted, currentDate: new Date(tools.clock.now + 121_000) }));
  assert.doesNotMatch(String(reply.body), /"d"/, 'the private half stays here');
});

test('the same assertion is handed out for a minute, and another one for other roles', async () => {
  const tools = await testTools();
  const { tell } = telling(tools, both);
  const first = assertionIn(tell(ana));
  assert.equal(assertionIn(tell(ana)), first);
  assert.notEqual(assertionIn(tell({ ...ana, roles: ['admin'] })), first);
  tools.clock.now += 60_000;
  assert.notEqual(assertionIn(tell(ana)), first);
});

test('all gateways of a store have one key, also when they begin at once, and after a restart', async () => {
  const { store } = await testTools();
  const [one, other] = await Promise.all([openAssertions(store.records), openAssertions(store.records)]);
  assert.deepEqual([one.jwks, other.jwks], [other.jwks, (await openAssertions(store.records)).jwks]);
  await store.records.put('assertions/key', { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' });
  await assert.rejects(openAssertions(store.records), { code: 'program-failed' });
});

test('an e-mail address is told where it was verified, in the assertion too; what has two readings is not', async () => {
  const tools = await testTools();
  const { tell } = telling(tools);
  const by: Identity = { guard: 'oidc', subject: 'oidc:1f:7', name: 'ana@example.org', by: 'session', roles: [] };
  assert.equal(tell(by), 'X-Sallyport-User: oidc:1f:7\r\n', 'a name that looks like one is none');
  assert.equal(tell({ ...by, email: 'ana@example.org' }), 'X-Sallyport-User: oidc:1f:7\r\nX-Sallyport-Email: ana@example.org\r\n');
  assert.match(tell({ ...by, guard: 'email', subject: 'email:ana@example.org' }), /X-Sallyport-Email: ana@example\.org\r\n$/);
  for (const email of ['ana@evil.example@example.org', 'a\r\nX-Sallyport-User: root@example.org', 'a,b@example.org', 'ana', ''])
    assert.equal(tell({ ...by, email }), 'X-Sallyport-User: oidc:1f:7\r\n', email);
  const signed = assertionIn(telling(tools, both).tell({ ...by, email: 'ana@example.org' }));
  const claims = JSON.parse(Buffer.from(signed.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
  assert.deepEqual([claims['email'], claims['email_verified']], ['ana@example.org', true]);
});
