/** What flags ask for, and the names that shares get. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkedFor,
  checkedNetworks,
  checkedTarget,
  checkedWebhook,
  nameFor,
  rawService,
  wantsLink,
  webhookSecretName,
} from './share-request.ts';
import type { AccessRequest, ShareRequest } from './share-request.ts';

const nothing: AccessRequest = { isPublic: false, link: false, users: [], keys: [], allow: [], webhook: null };
const share: ShareRequest = {
  name: 'web-3000',
  at: [],
  to: '3000',
  dir: null,
  indexes: false,
  access: nothing,
  firewall: 'on',
  rewriteHost: false,
  rawHeaders: false,
  from: null,
  proxy: null,
  for: '8h',
};

function access(changes: Partial<AccessRequest>): unknown {
  return rawService({ ...share, access: { ...nothing, ...changes } })['access'];
}

test('nothing said makes a secret link', () => {
  assert.deepEqual(access({}), [{ link: {} }]);
  assert.equal(wantsLink(nothing), true);
});

test('what is said takes the place of the link', () => {
  assert.deepEqual(access({ isPublic: true }), ['public']);
  assert.deepEqual(access({ users: ['ana'] }), [{ password: { users: ['ana'] } }]);
  assert.deepEqual(access({ allow: ['10.0.0.0/8'] }), [{ ip: ['10.0.0.0/8'] }]);
  for (const changes of [{ isPublic: true }, { users: ['ana'] }, { allow: ['10.0.0.0/8'] }])
    assert.equal(wantsLink({ ...nothing, ...changes }), false);
});

test('an address is asked for besides a password and a link', () => {
  assert.deepEqual(access({ users: ['ana'], link: true, allow: ['10.0.0.1'] }), [
    { ip: ['10.0.0.1'], password: { users: ['ana'] } },
    { ip: ['10.0.0.1'], link: {} },
  ]);
});

test('a webhook opens one path beside a closed rest', () => {
  assert.deepEqual(access({ webhook: { path: '/hook', kind: 'github' } }), [
    { webhook: { path: '/hook', kind: 'github', secret: 'webhook-web-3000' } },
  ]);
  assert.equal(wantsLink({ ...nothing, webhook: { path: '/hook', kind: 'github' } }), false);
  assert.match(webhookSecretName('a'.repeat(63)), /^[a-z0-9][a-z0-9._-]{0,63}$/);
});

test('--public and anything else contradict each other', () => {
  for (const changes of [{ users: ['ana'] }, { allow: ['10.0.0.1'] }, { link: true }])
    assert.throws(() => access({ isPublic: true, ...changes }), { code: 'usage-wrong' });
});

test('a share is called as it was asked, or as its folder, its host, or its port', () => {
  assert.equal(nameFor('blog', { to: '3000' }), 'blog');
  assert.equal(nameFor(null, { to: '3000' }), 'web-3000');
  assert.equal(nameFor(null, { to: 'http://127.0.0.1:8080' }), 'web-8080');
  assert.equal(nameFor(null, { to: 'http://[::1]:8080' }), 'web-8080');
  assert.equal(nameFor(null, { to: 'http://nas.local:5000' }), 'nas');
  assert.equal(nameFor(null, { dir: '/home/ana/My Holiday Photos (2026)' }), 'my-holiday-photos-2026');
  assert.equal(nameFor(null, { dir: '/home/ana/Café' }), 'cafe');
  assert.equal(nameFor(null, { dir: '/' }), 'files');
  assert.equal(nameFor(null, { dir: '/x/写真' }), 'files');
  for (const name of ['My Blog', 'a.b', '-a', '', 'a'.repeat(64)])
    assert.throws(() => nameFor(name, { to: '1' }), { code: 'name-malformed' }, name);
});

test('wrong ports, spans, networks and webhooks are named, with the way out', () => {
  for (const text of ['0', '65536', '-1', 'abc', '3000x', '', '80.5', 'ftp://x', '3000/path'])
    assert.throws(() => checkedTarget(text), { code: 'port-malformed' }, text);
  for (const text of ['2', '2 hours', '', '0h', '-1h']) assert.throws(() => checkedFor(text), { code: 'usage-wrong' }, text);
  for (const text of ['', 'x', '1.2.3.4/33', '::/129', '10.0.0.0/8,'])
    assert.throws(() => checkedNetworks([text]), { code: 'usage-wrong' }, text);
  for (const text of ['', 'hook', '/hook=md5', '/a b', '/../x', '/hook=', '/%2e/x', '/hook?x'])
    assert.throws(() => checkedWebhook(text), { code: 'usage-wrong' }, text);
  assert.deepEqual(checkedWebhook('/hooks/build=stripe'), { path: '/hooks/build', kind: 'stripe' });
  assert.deepEqual(checkedWebhook('/hooks/build'), { path: '/hooks/build', kind: 'secret' });
  assert.equal(checkedFor('never'), null);
  assert.deepEqual(checkedNetworks(['10.0.0.0/8,192.0.2.7', '::1']), ['10.0.0.0/8', '192.0.2.7', '::1']);
});
