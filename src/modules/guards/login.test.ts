/** Doors for addresses: who comes in by one, for how long, and what ends it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Admits } from '../../contracts/address-doors.ts';
import { openIdentities } from '../../controlplane/identities/identities.ts';
import { doorNetwork } from '../../core/policy/door-network.ts';
import { exchangeOf, noBody, rawExchange } from '../../../test/doubles/exchange.ts';
import { goodPassword, testTools, type TestTools } from '../../../test/doubles/tools.ts';
import { login } from './login.ts';

const service = { name: 'ssh', hosts: ['tcp/2222'], behindRelay: false };
const hour = 3_600_000;
const everybody: Admits = () => true;

function guardOf(tools: TestTools, more: object = {}, of = service) {
  const built = login.build(login.options.parse({ service: 'web', for: '2h', ...more }), tools, of);
  return {
    built,
    from: async (ip: string) => {
      const verdict = await built.check({ ...rawExchange(), from: { ip, port: 4_000 } }, noBody);
      return verdict.is === 'pass' ? (verdict.identity?.subject ?? null) : verdict.is === 'challenge' ? verdict.code : verdict.is;
    },
  };
}

async function sessionOf(tools: TestTools, user = 'ana') {
  const { revision = 0, roles = [] } = tools.users.find(user) ?? {};
  const opened = await tools.sessions.open({
    service: 'web',
    audience: 'web.example.test',
    guard: 'password',
    subject: `user:${user}`,
    name: user,
    roles,
    revision,
    expires: tools.now() + 12 * hour,
    source: '192.0.2.7',
  });
  return opened.session.id;
}

function doorOf(network: string, session: string | null, more: object = {}) {
  const who = { subject: 'user:ana', name: 'ana', guard: 'password', roles: [], session };
  return { service: 'ssh', web: 'web', host: 'web.example.test', network, ...who, forMs: 2 * hour, cuts: false, ...more };
}

test('closed to everybody until a door is open for the address, and then to that address of that service alone', async () => {
  const tools = await testTools(['ana']);
  const { from, built } = guardOf(tools);
  assert.equal(await from('192.0.2.7'), 'credentials-missing');
  await tools.doors.open(doorOf('192.0.2.7/32', await sessionOf(tools)));
  assert.equal(await from('192.0.2.7'), 'user:ana');
  assert.equal(await from('192.0.2.8'), 'credentials-missing');
  // door of another service: neither another port nor another page's.
  assert.equal(await guardOf(tools, {}, { ...service, name: 'db' }).from('192.0.2.7'), 'credentials-missing');
  assert.equal(await guardOf(tools, { service: 'other' }).from('192.0.2.7'), 'credentials-missing');
  // A request says who it is in other ways.
  assert.deepEqual(await built.check(exchangeOf(), noBody), { is: 'skip' });
});

test('NAT neighbour and spoofed UDP source: who comes from the address comes in, as whoever opened it, and no other address does', async () => {
  const tools = await testTools(['ana', 'ben']);
  const { from } = guardOf(tools);
  await tools.doors.open(doorOf('192.0.2.7/32', await sessionOf(tools)));
  const ben = await tools.doors.open(doorOf('192.0.2.7/32', await sessionOf(tools, 'ben'), { subject: 'user:ben', name: 'ben' }));
  assert.equal(await from('192.0.2.7'), 'user:ana');
  await tools.people.users.remove('ana');
  // Each has their own door: one of them ends with its own credential.
  assert.equal(await from('192.0.2.7'), 'user:ben');
  await tools.doors.close(ben.id);
  assert.equal(await from('192.0.2.7'), 'credentials-missing');
});

test('one address has one spelling: mapped IPv4 is IPv4, IPv6 is let in as it is, and as a network where that is said', async () => {
  assert.equal(doorNetwork('::ffff:192.0.2.7', 64), '192.0.2.7/32');
  assert.equal(doorNetwork('2001:DB8:0:0::7', 128), '2001:db8::7/128');
  for (const text of ['', 'nonsense', '192.0.2.7/24', '0.0.0.0', '::', '192.0.2.07', '[::1]', 'fe80::1%eth0'])
    assert.equal(doorNetwork(text, 128), null, text);
  const tools = await testTools(['ana']);
  const [exact, wide] = [guardOf(tools), guardOf(tools, { ipv6: 64 }, { ...service, name: 'game' })];
  const session = await sessionOf(tools);
  await tools.doors.open(doorOf('2001:db8::7/128', session));
  await tools.doors.open(doorOf('2001:db8::/64', session, { service: 'game' }));
  assert.deepEqual([await exact.from('2001:db8::7'), await exact.from('2001:db8::8')], ['user:ana', 'credentials-missing']);
  assert.deepEqual([await wide.from('2001:db8::8'), await wide.from('2001:db8:0:1::8')], ['user:ana', 'credentials-missing']);
});

test('it ends with its time, its session, the user, their password and their role, whichever is first', async () => {
  const tools = await testTools(['ana', 'ben']);
  const { from } = guardOf(tools);
  const open = async (more: object = {}) => tools.doors.open(doorOf('192.0.2.7/32', await sessionOf(tools), more));
  await open();
  tools.clock.now += 2 * hour;
  assert.equal(await from('192.0.2.7'), 'credentials-missing', 'its time is over');
  const { session, expires } = await open({ forMs: 1_000 * hour });
  assert.equal(expires, tools.now() + 12 * hour, 'never longer than the session');
  tools.clock.now += 3 * hour;
  assert.equal(await from('192.0.2.7'), 'user:ana', 'nobody has to look at the page meanwhile');
  await tools.sessions.revoke(session ?? '');
  assert.equal(await from('192.0.2.7'), 'credentials-missing');
  await open();
  await tools.people.users.setPassword('ana', `${goodPassword} again`);
  assert.equal(await from('192.0.2.7'), 'credentials-missing');
  const ops = guardOf(tools, { roles: ['ops'] });
  await open();
  assert.equal(await ops.from('192.0.2.7'), 'credentials-missing');
  await tools.people.users.setRoles('ana', ['ops']);
  assert.equal(await ops.from('192.0.2.7'), 'user:ana');
  await tools.people.users.setRoles('ana', []);
  assert.equal(await ops.from('192.0.2.7'), 'credentials-missing', 'a role that was taken away holds at once');
});

test('expired session opens door: who has no standing opens none', async () => {
  const tools = await testTools(['ana']);
  const session = await sessionOf(tools);
  await tools.sessions.revoke(session);
  await assert.rejects(tools.doors.open(doorOf('192.0.2.7/32', session)), { code: 'credentials-expired' });
  await assert.rejects(tools.doors.open(doorOf('192.0.2.7/32', null, { subject: 'user:nobody' })), { code: 'credentials-expired' });
  assert.equal(tools.doors.list().length, 0);
});

test('doors lie in the store: another process has them, and what was revoked while nothing ran stays out', async () => {
  const tools = await testTools(['ana']);
  await tools.doors.open(doorOf('192.0.2.7/32', await sessionOf(tools)));
  const { store, now, randomBytes, limits, people } = tools;
  const next = await openIdentities({ store, now, randomBytes, limits, cost: { memoryKib: 8, passes: 1, lanes: 1 } });
  try {
    assert.equal(next.doors.find('ssh', '192.0.2.7/32', everybody)?.subject, 'user:ana');
    await people.users.remove('ana');
    assert.equal(next.doors.find('ssh', '192.0.2.7/32', everybody), null);
    assert.equal(next.doors.list().length, 0);
  } finally {
    next.close();
  }
});

test('as many as there may be: of one person, and of all; nobody loses a door to another one', async () => {
  const tools = await testTools(['ana', 'ben'], { doorsPerSubjectMax: 2, doorsMax: 3 });
  const session = await sessionOf(tools);
  for (const at of [1, 2]) await tools.doors.open(doorOf(`192.0.2.${at}/32`, session));
  await assert.rejects(tools.doors.open(doorOf('192.0.2.3/32', session)), { code: 'doors-exceeded' });
  // The same once more is the same door, held open from now on.
  const first = tools.doors.list().find(({ network }) => network === '192.0.2.1/32');
  tools.clock.now += hour;
  const again = await tools.doors.open(doorOf('192.0.2.1/32', session));
  assert.deepEqual([again.id, again.expires], [first?.id, tools.now() + 2 * hour]);
  const bens = { subject: 'user:ben', name: 'ben' };
  const other = await sessionOf(tools, 'ben');
  await tools.doors.open(doorOf('192.0.2.8/32', other, bens));
  await assert.rejects(tools.doors.open(doorOf('192.0.2.9/32', other, bens)), { code: 'doors-exceeded' });
  // What is over makes room.
  tools.clock.now += 2 * hour;
  await tools.doors.open(doorOf('192.0.2.9/32', other, bens));
});

test('who watches hears what nothing may run by any more: what was closed, and what ends by its time only where that is said', async () => {
  const tools = await testTools(['ana']);
  const heard: string[] = [];
  const watch = tools.doors.watch((id) => heard.push(id));
  const session = await sessionOf(tools);
  const closed = await tools.doors.open(doorOf('192.0.2.1/32', session));
  const cut = await tools.doors.open(doorOf('192.0.2.2/32', session, { cuts: true }));
  await tools.doors.open(doorOf('192.0.2.3/32', session));
  await tools.doors.close(closed.id);
  assert.deepEqual([heard, await tools.doors.close(closed.id), await tools.doors.close('../x')], [[closed.id], false, false]);
  tools.clock.now += 3 * hour;
  // The store looks for what is over when it is asked.
  await tools.store.records.list('doors/');
  for (let turn = 0; turn < 50 && heard.length < 2; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(heard, [closed.id, cut.id]);
  watch.close();
});

test('says for whom it is, and what it cannot be', () => {
  const ok = (options: object): boolean => login.options.safeParse({ service: 'web', for: '2h', ...options }).success;
  for (const good of [{}, { ipv6: 64 }, { cut: true }, { users: ['ana'] }, { roles: ['ops'], users: ['ana'] }]) assert.ok(ok(good));
  for (const bad of [
    { for: 'never' },
    { for: '10s' },
    { for: '31d' },
    { ipv6: 32 },
    { ipv6: 129 },
    { users: [] },
    { users: ['Ana'] },
    { service: '' },
  ])
    assert.ok(!ok(bad), JSON.stringify(bad));
});
