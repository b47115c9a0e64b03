/** API keys: shown in each of their places, ended, moved, and abused. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { basicOf, exchangeOf, noBody, type Asked } from '../../../test/doubles/exchange.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import type { BuiltGuard, GuardedService } from '../../contracts/guard.ts';
import type { NewKey } from '../../controlplane/identities/keys.ts';
import { key } from './key.ts';

type Fields = readonly (readonly [string, string])[];
const blog: GuardedService = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const hour = 3_600_000;

type Built = Readonly<{ guard: BuiltGuard; tools: TestTools; secret: string }>;

async function built(options: unknown = {}, wanted: Partial<NewKey> = {}): Promise<Built> {
  const tools = await testTools(['ana']);
  const { secret } = await tools.people.keys.create({ name: 'ci', roles: ['deployer'], ...wanted });
  return { guard: key.build(key.options.parse(options), tools, blog), tools, secret };
}

async function tried({ guard }: Pick<Built, 'guard'>, fields: Fields, more: Asked = {}): Promise<string> {
  const verdict = await guard.check(exchangeOf({ ...more, fields }), noBody);
  if (verdict.is === 'pass') return `${verdict.identity?.subject} by ${verdict.identity?.by} spends ${(verdict.spent ?? []).join()}`;
  return verdict.is === 'skip' ? 'skip' : `${verdict.code}: ${verdict.why}`;
}

const bearer = (secret: string): Fields => [['Authorization', `Bearer ${secret}`]];
const unknown = 'credentials-wrong: no key of this service has that text';
const none = 'credentials-missing: no API key was shown';

describe('key', () => {
  test('is taken from each of its places, and never reaches the service', async () => {
    const at = await built();
    const { secret } = at;
    assert.equal(await tried(at, [['X-API-Key', secret]]), 'key:ci by header spends x-api-key');
    assert.equal(await tried(at, bearer(secret)), 'key:ci by header spends authorization');
    assert.equal(await tried(at, [['Authorization', basicOf('ci', secret)]]), 'key:ci by basic spends authorization');
    assert.equal(await tried(at, [['Sallyport-Authorization', `Key ${secret}`]]), 'key:ci by header spends sallyport-authorization');
    assert.equal(await tried(at, [['Sallyport-Authorization', `bearer ${secret}`]]), 'key:ci by header spends sallyport-authorization');
    assert.equal(await tried(await built({ header: 'X-Token' }), bearer(secret)), unknown, 'a key of another gateway');
  });

  test('leaves what is no key of ours to the service: another prefix, another scheme, a field behind our own', async () => {
    const at = await built();
    for (const fields of [
      [['X-API-Key', 'sk-1234']],
      [['Authorization', 'Bearer eyJhbGciOiJub25lIn0.e30.']],
      [['Authorization', basicOf('ana', 'lamp orbit velvet acre')]],
      [['Authorization', `Key ${at.secret}`]],
      [
        ['Sallyport-Authorization', 'Link abc'],
        ['Authorization', `Bearer ${at.secret}`],
      ],
    ] as const)
      assert.equal(await tried(at, fields), none, JSON.stringify(fields));
  });

  test('credential in query: a key in the target is none', async () => {
    const at = await built();
    assert.equal(await tried(at, [], { target: `/?api_key=${at.secret}` }), none);
  });

  test('header duplicates: two keys, or one field twice, are refused', async () => {
    const at = await built();
    const two = 'credentials-wrong: more than one key was sent';
    const both: Fields = [['X-API-Key', at.secret], ...bearer(at.secret)];
    assert.equal(await tried(at, both), two);
    assert.equal(await tried(at, [...bearer(at.secret), ...bearer(at.secret)]), two);
    assert.equal(await tried(at, [['X-API-Key', 'sk-1234'], ...both.slice(0, 1)]), two);
  });

  test('Basic with a key names its owner: another name is wrong, and a colon or a wrong spelling is no key', async () => {
    const at = await built();
    assert.equal(
      await tried(at, [['Authorization', basicOf('ana', at.secret)]]),
      'credentials-wrong: the key belongs to another name than Basic says',
    );
    assert.equal(await tried(at, [['Authorization', basicOf('CI', at.secret)]]), 'key:ci by basic spends authorization');
    assert.equal(await tried(at, [['Authorization', basicOf('ci', `x:${at.secret}`)]]), none);
    assert.equal(await tried(at, [['Authorization', basicOf('ci', `${at.secret} `)]]), unknown);
    assert.equal(await tried(at, [['Authorization', basicOf('ci', `${at.secret.slice(0, -1)}ä`)]]), unknown);
  });

  test('csrf: Basic, which a browser adds by itself, passes from our own pages only', async () => {
    const at = await built();
    const fields: Fields = [
      ['Authorization', basicOf('ci', at.secret)],
      ['Origin', 'https://evil.example'],
    ];
    assert.match(await tried(at, fields, { method: 'POST' }), /^origin-foreign/);
    assert.match(await tried(at, [...bearer(at.secret), ['Origin', 'https://evil.example']], { method: 'POST' }), /^key:ci/);
  });

  test('ends with its time, with its revocation and with its owner; at once', async () => {
    const timed = await built({}, { expires: 1_800_000_000_000 + hour });
    timed.tools.clock.now += hour;
    assert.equal(await tried(timed, bearer(timed.secret)), unknown);
    const revoked = await built();
    assert.equal(revoked.guard.knows?.('key:ci'), true);
    assert.equal(await revoked.tools.people.keys.revoke('ci'), true);
    assert.equal(await tried(revoked, bearer(revoked.secret)), unknown);
    assert.equal(revoked.guard.knows?.('key:ci'), false);
    const owned = await built({}, { owner: 'ana' });
    assert.match(await tried(owned, bearer(owned.secret)), /^key:ci/);
    await owned.tools.people.users.remove('ana');
    assert.equal(await tried(owned, bearer(owned.secret)), unknown);
  });

  test('after a rotation both texts open for the overlap, then the new one only', async () => {
    const at = await built();
    const { secret } = await at.tools.people.keys.rotate('ci', hour);
    assert.match(await tried(at, bearer(at.secret)), /^key:ci/);
    assert.match(await tried(at, bearer(secret)), /^key:ci/);
    at.tools.clock.now += hour;
    assert.equal(await tried(at, bearer(at.secret)), unknown);
    assert.match(await tried(at, bearer(secret)), /^key:ci/);
    const next = await at.tools.people.keys.rotate('ci', 0);
    assert.equal(await tried(at, bearer(secret)), unknown);
    assert.match(await tried(at, bearer(next.secret)), /^key:ci/);
  });

  test('opens from its networks only, and only the services that name it', async () => {
    const at = await built({}, { allow: ['198.51.100.0/24'] });
    assert.equal(await tried(at, bearer(at.secret), { from: '192.0.2.7' }), 'credentials-wrong: the key may not be used from this address');
    assert.match(await tried(at, bearer(at.secret), { from: '198.51.100.9' }), /^key:ci/);
    assert.match(await tried(at, bearer(at.secret), { from: '::ffff:198.51.100.9' }), /^key:ci/);
    const tools = await testTools();
    const [mine, other] = [await tools.people.keys.create({ name: 'mine' }), await tools.people.keys.create({ name: 'other' })];
    const guard = key.build(key.options.parse({ keys: ['mine'] }), tools, blog);
    assert.match(await tried({ guard }, bearer(mine.secret)), /^key:mine/);
    assert.equal(await tried({ guard }, bearer(other.secret)), unknown);
  });

  test('one connection that changes its key is judged anew', async () => {
    const at = await built();
    const exchange = exchangeOf({ fields: bearer(at.secret) });
    assert.equal((await at.guard.check(exchange, noBody)).is, 'pass');
    const other = exchangeOf({ fields: bearer(`${at.secret.slice(0, -1)}!`) });
    assert.equal((await at.guard.check({ ...other, from: exchange.from }, noBody)).is, 'challenge');
    await at.tools.people.keys.revoke('ci');
    assert.equal((await at.guard.check(exchange, noBody)).is, 'challenge');
  });

  test('is built for keys that are there only, and for fields that mean nothing else', async () => {
    const tools = await testTools();
    assert.throws(() => key.build(key.options.parse({}), tools, blog), { code: 'key-missing' });
    await tools.people.keys.create({ name: 'ci' });
    assert.throws(() => key.build(key.options.parse({ keys: ['ci', 'gone'] }), tools, blog), { code: 'key-missing' });
    for (const header of ['Authorization', 'Cookie', 'x-forwarded-for', 'Proxy-Authorization', 'X API', ''])
      assert.equal(key.options.safeParse({ header }).success, false, header);
  });
});
