/** Grants with bounds, released names and blocks, over a store. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import type { Code } from '../../core/errors.ts';
import type { Store } from '../../contracts/store.ts';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { addBlock, listBlocks, readBlocked, removeBlock } from './blocks.ts';
import { readNames, readPorts, readRate, readStreams, readVisitors, unbounded, type Bounds } from './bounds.ts';
import { openGrants, type LiveGrants } from './grants.ts';
import { parseInvite } from './invite-code.ts';
import { createInvite, redeemInvite, type InviteOptions } from './invites.ts';
import { listNames, readName, releaseName, releasedMs, revokeGateway, transferName } from './names.ts';
import { createPace } from './pace.ts';
import { VisitorCounts } from './visitor-counts.ts';

const key = (digit: string): string => digit.repeat(64);
const has = (code: Code) => (error: unknown) => error instanceof SallyportError && error.code === code;

type World = Readonly<{
  store: Store;
  time: { now: number };
  changes: { count: number };
  grants: LiveGrants;
  /** An invitation to this name, spent by this key. */
  give: (name: string, fingerprint: string, bounds?: Partial<Bounds>, anyKey?: boolean) => Promise<void>;
  invite: (name: string, changes?: Partial<InviteOptions>) => Promise<string>;
}>;

async function world(test: TestContext): Promise<World> {
  const time = { now: 1_000_000 };
  const store = createMemoryStore({ now: () => time.now });
  const changes = { count: 0 };
  const grants = await openGrants({
    store,
    domain: 'example.org',
    owner: null,
    now: () => time.now,
    onChange: () => void (changes.count += 1),
  });
  test.after(() => grants.close());
  const invite: World['invite'] = async (name, more = {}) => {
    const made = await createInvite(store, {
      name,
      domain: 'example.org',
      relayAddress: 'relay.example.org:443',
      fingerprint: key('a'),
      lifeMs: 60_000,
      now: time.now,
      randomBytes,
      ...more,
    });
    return parseInvite(made.code).secret;
  };
  const give: World['give'] = async (name, fingerprint, bounds = {}, anyKey = false) =>
    grants.redeem(await invite(name, { bounds: { ...unbounded, ...bounds }, anyKey }), fingerprint);
  return { store, time, changes, grants, give, invite };
}

describe('a grant with bounds', () => {
  it('has the names of its patterns besides its own, and no others', async (test) => {
    const { grants, give } = await world(test);
    await give('team', key('1'), { names: ['team-*', '*.team'] });
    for (const name of ['team', 'team-a', 'x.team', '*.team']) equal(grants.owns(key('1'), `${name}.example.org`), true, name);
    for (const name of ['tea', 'team2', 'y.x.team', 'x.team-a', '*.team-a', '*.x.team', '*', 'shop'])
      equal(grants.owns(key('1'), `${name}.example.org`), false, name);
    equal(grants.owns(key('2'), 'team-a.example.org'), false);
    deepEqual(grants.of(key('1')), ['team.example.org', '*.team.example.org']);
  });

  it('leaves a name to the key that owns it itself, whatever the pattern (subdomain takeover)', async (test) => {
    const { store, time, grants, give } = await world(test);
    await give('team-x', key('2'));
    await give('team', key('1'), { names: ['team-*'] });
    equal(grants.owns(key('1'), 'team-x.example.org'), false);
    equal(grants.owns(key('2'), 'team-x.example.org'), true);
    await releaseName(store, 'team-x', { now: time.now, anyKey: false });
    equal(grants.owns(key('1'), 'team-x.example.org'), false, 'nor when it was released: a dangling name is no prize');
  });

  it('is not made where names or ports of two would meet', async (test) => {
    const { grants, give, invite } = await world(test);
    await give('team', key('1'), { names: ['team-*'], ports: { from: 2_200, to: 2_209 } });
    const wide = { ...unbounded, names: ['*-a'] };
    await rejects(invite('other', { bounds: wide }), has('name-taken'));
    await rejects(invite('team-b'), has('name-taken'));
    await rejects(invite('other', { bounds: { ...unbounded, ports: { from: 2_209, to: 2_300 } } }), has('name-taken'));
    // Two invitations that were made before either was spent: the second comes too late.
    const [one, two] = [
      await invite('build', { bounds: { ...unbounded, ports: { from: 3_000, to: 3_000 } } }),
      await invite('test', { bounds: { ...unbounded, ports: { from: 2_999, to: 3_001 } } }),
    ];
    await grants.redeem(one, key('3'));
    await rejects(grants.redeem(two, key('4')), has('name-taken'));
    equal(grants.ownsPort(key('3'), 3_000), true);
  });

  it('has its ports, and no others', async (test) => {
    const { grants, give } = await world(test);
    await give('build', key('1'), { ports: { from: 2_200, to: 2_209 } });
    for (const port of [2_200, 2_209]) equal(grants.ownsPort(key('1'), port), true);
    for (const port of [2_199, 2_210, 0]) equal(grants.ownsPort(key('1'), port), false);
    equal(grants.ownsPort(key('2'), 2_200), false);
    deepEqual(grants.portsOf(key('1')), [{ from: 2_200, to: 2_209 }]);
    deepEqual(grants.portsOf(key('2')), []);
  });

  it('ends at its end, and says so though nothing else happens', async (test) => {
    const { time, changes, grants, give } = await world(test);
    await give('blog', key('1'), { expires: time.now + 20 });
    equal(grants.owns(key('1'), 'blog.example.org'), true);
    const before = changes.count;
    time.now += 20;
    equal(grants.owns(key('1'), 'blog.example.org'), false);
    deepEqual(grants.of(key('1')), []);
    equal(grants.enter(key('1'), 'blog.example.org', '192.0.2.1'), null);
    while (changes.count === before) await new Promise((resolve) => void setImmediate(resolve));
  });

  it('takes as many streams at once as it says, and gives each room back once', async (test) => {
    const { grants, give } = await world(test);
    await give('blog', key('1'), { streams: 2, ports: { from: 2_200, to: 2_200 } });
    const leases = [grants.enter(key('1'), 'blog.example.org', '192.0.2.1'), grants.enter(key('1'), 2_200, '192.0.2.1')];
    equal(grants.enter(key('1'), 'a.blog.example.org', '192.0.2.1'), null);
    leases[0]?.leave?.();
    leases[0]?.leave?.();
    ok(grants.enter(key('1'), 'a.blog.example.org', '192.0.2.1'));
    equal(grants.enter(key('1'), 'blog.example.org', '192.0.2.1'), null);
    equal(grants.enter(key('2'), 'blog.example.org', '192.0.2.1'), null);
  });

  it('takes so many different visitors a day, and who was there comes again (phishing behind a tunnel)', async (test) => {
    const { time, grants, give } = await world(test);
    await give('blog', key('1'), { visitorsPerDay: 2 });
    const enters = (ip: string): boolean => grants.enter(key('1'), 'a.blog.example.org', ip) !== null;
    deepEqual(['192.0.2.1', '192.0.2.2', '192.0.2.1'].map(enters), [true, true, true]);
    equal(grants.isCrowded(key('1'), 'blog.example.org'), false);
    equal(enters('192.0.2.3'), false);
    equal(grants.isCrowded(key('1'), 'blog.example.org'), true);
    equal(enters('192.0.2.2'), true);
    deepEqual(grants.visitorCounts(), [{ name: 'blog', today: 2, refused: 1 }]);
    time.now += 86_400_000;
    equal(grants.isCrowded(key('1'), 'blog.example.org'), false);
    deepEqual(['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:db8:0:2::1'].map(enters), [true, true, true, false]);
  });

  it('counts visitors in bounded memory, whoever comes (resource exhaustion)', () => {
    const counts = new VisitorCounts(() => 0, { visitorsCountedMax: 10 });
    for (let at = 0; at < 100; at += 1) counts.admits('one', 100, `192.0.2.${at}`);
    equal(counts.admits('two', 100, '192.0.2.1'), false, 'nobody is let in uncounted');
    deepEqual(
      counts.list().map(({ today }) => today),
      [10, 0],
    );
    counts.forget('one');
    equal(counts.admits('two', 100, '192.0.2.1'), true);
  });

  it('passes bytes at its rate, after a burst of a quarter of a second', () => {
    let now = 0;
    const pace = createPace(1_000, () => now);
    equal(pace.spend(250), 0);
    equal(pace.spend(500), 500);
    equal(pace.spend(100), 600);
    now = 600;
    equal(pace.spend(50), 50);
    now = 100_000;
    equal(pace.spend(250), 0);
  });

  it('is read from words strictly', () => {
    deepEqual(readNames('Team-*, *.blog', 'blog'), ['team-*', '*.blog']);
    deepEqual(readPorts('2200-2299'), { from: 2_200, to: 2_299 });
    deepEqual(readPorts('22'), { from: 22, to: 22 });
    deepEqual([readStreams('50'), readRate('2M'), readRate('500kB/s')], [50, 2_000_000, 500_000]);
    deepEqual([readVisitors('500'), readVisitors('500/day')], [500, 500]);
    for (const text of ['', '0', '1/hour', '200000', '-1']) void rejects(async () => readVisitors(text), has('usage-wrong'), text);
    for (const text of ['', '*.shop', 'a,,b', '**']) {
      const read = async () => readNames(text, 'blog');
      void rejects(read(), has('name-malformed'), text);
    }
    for (const text of ['', '0', '22-', '30-20', '1-70000', '+1', '1e3'])
      void rejects(async () => readPorts(text), has('port-malformed'), text);
    for (const text of ['', '0', '-1', '1.5']) void rejects(async () => readStreams(text), has('usage-wrong'), text);
    for (const text of ['', '12', '5T', '1.5M', 'M']) void rejects(async () => readRate(text), has('usage-wrong'), text);
  });
});

describe('a released name', () => {
  it('goes to no other key for 90 days (dangling name)', async (test) => {
    const { store, time, grants, give, invite } = await world(test);
    await give('blog', key('1'));
    await releaseName(store, 'blog', { now: time.now, anyKey: false });
    equal(grants.owns(key('1'), 'blog.example.org'), false);
    const secret = await invite('blog');
    await rejects(grants.redeem(secret, key('2')), has('name-taken'));
    await rejects(transferName(store, 'blog', { fingerprint: key('2'), now: time.now, anyKey: false }), has('name-taken'));
    time.now += releasedMs - 1;
    await rejects(give('blog', key('2')), has('name-taken'));
    time.now += 1;
    await give('blog', key('2'));
    equal(grants.owns(key('2'), 'blog.example.org'), true);
  });

  it('comes back to its last owner by the invitation that nobody else could spend', async (test) => {
    const { store, time, grants, give, invite } = await world(test);
    await give('blog', key('1'));
    deepEqual(await revokeGateway(store, key('1'), time.now), ['blog']);
    const secret = await invite('blog');
    await rejects(grants.redeem(secret, key('2')), has('name-taken'));
    await grants.redeem(secret, key('1'));
    equal(grants.owns(key('1'), 'blog.example.org'), true);
  });

  it('goes to any key at once when the operator says so', async (test) => {
    const { store, time, grants, give } = await world(test);
    for (const name of ['one', 'two', 'three']) await give(name, key('1'));
    await releaseName(store, 'one', { now: time.now, anyKey: true });
    await give('one', key('2'));
    await releaseName(store, 'two', { now: time.now, anyKey: false });
    await give('two', key('2'), {}, true);
    await releaseName(store, 'three', { now: time.now, anyKey: false });
    await transferName(store, 'three', { fingerprint: key('2'), now: time.now, anyKey: true });
    for (const name of ['one', 'two', 'three']) equal(grants.owns(key('2'), `${name}.example.org`), true, name);
    await rejects(give('one', key('3'), {}, true), has('name-taken'), 'and not while it is owned');
  });

  it('of a grant that ended is kept for its key as well', async (test) => {
    const { time, grants, give } = await world(test);
    await give('blog', key('1'), { expires: time.now + 10 });
    time.now += 20;
    await rejects(give('blog', key('2')), has('name-taken'));
    await give('blog', key('1'));
    equal(grants.owns(key('1'), 'blog.example.org'), true);
  });

  it('moves with its bounds to another key', async (test) => {
    const { store, time, grants, give } = await world(test);
    await give('blog', key('1'), { streams: 1 });
    await transferName(store, 'blog', { fingerprint: key('2'), now: time.now, anyKey: false });
    equal(grants.owns(key('1'), 'blog.example.org'), false);
    equal((await readName(store, 'blog'))?.grant?.bounds.streams, 1);
    for (const bad of ['', 'x', key('A'), key('1').slice(1)])
      await rejects(transferName(store, 'blog', { fingerprint: bad, now: 0, anyKey: false }), has('usage-wrong'));
    await rejects(transferName(store, 'none', { fingerprint: key('2'), now: 0, anyKey: false }), has('gateway-missing'));
  });
});

describe('a reserved name', () => {
  it('is given by the operator’s word only, and by no pattern (name takeover)', async (test) => {
    const { grants, give, invite } = await world(test);
    for (const name of ['admin', 'www', 'autodiscover', 'wpad', 'mta-sts', 'xn--80ak6aa92e'])
      await rejects(invite(name), has('name-reserved'), name);
    await grants.redeem(await invite('www', { reserved: true }), key('1'));
    equal(grants.owns(key('1'), 'www.example.org'), true);
    await give('ops', key('3'), { names: ['m*'] });
    equal(grants.owns(key('3'), 'mail.example.org'), false);
    equal(grants.owns(key('3'), 'more.example.org'), true);
  });
});

describe('a name that gateways share', () => {
  const join = { share: 'standby' } as const;

  it('belongs to each key that was invited to it, with its bounds together', async (test) => {
    const { store, time, grants, give, invite } = await world(test);
    await give('blog', key('1'), { streams: 1, ports: { from: 2_200, to: 2_200 } });
    await rejects(invite('blog'), has('name-taken'));
    await rejects(invite('blog', { ...join, bounds: { ...unbounded, streams: 5 } }), has('usage-wrong'));
    await grants.redeem(await invite('blog', join), key('2'));
    for (const each of ['1', '2']) equal(grants.owns(key(each), 'x.blog.example.org'), true);
    deepEqual(grants.sharing(key('1'), 'blog.example.org'), { how: 'standby', rank: 0 });
    deepEqual(grants.sharing(key('2'), 'blog.example.org'), { how: 'standby', rank: 1 });
    deepEqual(grants.of(key('2')), ['blog.example.org', '*.blog.example.org']);
    deepEqual([grants.ownsPort(key('2'), 2_200), grants.sharing(key('2'), 'tcp/2200')], [true, { how: 'standby', rank: 1 }]);
    ok(grants.enter(key('1'), 'blog.example.org', '192.0.2.1'));
    equal(grants.enter(key('2'), 'blog.example.org', '192.0.2.1'), null);
    await grants.renew(key('2'), key('3'));
    deepEqual([grants.owns(key('2'), 'blog.example.org'), grants.sharing(key('3'), 'blog.example.org').rank], [false, 1]);
    await revokeGateway(store, key('1'), time.now);
    deepEqual([grants.owns(key('1'), 'blog.example.org'), grants.sharing(key('3'), 'blog.example.org').rank], [false, 0]);
  });

  it('is not given by an invitation of somebody who does not own it any more (name takeover)', async (test) => {
    const { store, time, grants, give, invite } = await world(test);
    await give('blog', key('1'));
    const [one, two, three] = [await invite('blog', join), await invite('blog', join), await invite('blog', join)];
    await grants.redeem(one, key('2'));
    await transferName(store, 'blog', { fingerprint: key('5'), now: time.now, anyKey: false });
    await rejects(grants.redeem(two, key('3')), has('name-taken'));
    equal(grants.owns(key('2'), 'blog.example.org'), false, 'who shared it with the old owner shares it no more');
    await releaseName(store, 'blog', { now: time.now, anyKey: false });
    await rejects(grants.redeem(three, key('1')), has('name-taken'));
  });

  it('has eight keys at most', async (test) => {
    const { grants, give, invite } = await world(test);
    await give('blog', key('0'));
    for (let each = 1; each < 8; each += 1) await grants.redeem(await invite('blog', join), key(String(each)));
    await rejects(grants.redeem(await invite('blog', join), key('9')), has('name-taken'));
  });
});

describe('what is blocked', () => {
  it('is a name for every key, its owner and new ones alike; only the owner is told why', async (test) => {
    const { store, grants, give, invite } = await world(test);
    await give('blog', key('1'));
    const secret = await invite('shop');
    for (const what of ['blog', 'shop']) await addBlock(store, { kind: 'name', what, why: 'phishing', since: 0 });
    equal(grants.owns(key('1'), 'blog.example.org'), false);
    equal(grants.owns(key('1'), 'x.blog.example.org'), false);
    deepEqual(grants.of(key('1')), []);
    equal(grants.blockedName(key('1'), 'x.blog.example.org'), 'phishing');
    equal(grants.blockedName(key('2'), 'blog.example.org'), null);
    await rejects(grants.redeem(secret, key('2')), has('invite-refused'), 'an invitation of before');
    await rejects(invite('shop'), has('relay-blocked'));
    await rejects(transferName(store, 'blog', { fingerprint: key('2'), now: 0, anyKey: true }), has('relay-blocked'), 'nor by transfer');
    await releaseName(store, 'blog', { now: 0, anyKey: true });
    await rejects(invite('blog'), has('relay-blocked'), 'nor once it was released');
    await store.records.put('names/blog', { owner: key('1'), since: 0 });
    await removeBlock(store, { kind: 'name', what: 'blog' });
    equal(grants.owns(key('1'), 'blog.example.org'), true);
  });

  it('is a pattern’s name, too', async (test) => {
    const { store, grants, give } = await world(test);
    await give('team', key('1'), { names: ['team-*'] });
    await addBlock(store, { kind: 'name', what: 'team-x', why: 'abuse', since: 0 });
    equal(grants.owns(key('1'), 'team-x.example.org'), false);
    equal(grants.owns(key('1'), 'team-y.example.org'), true);
  });

  it('is a key, an address or a network', async (test) => {
    const { store, grants } = await world(test);
    const domain = 'example.org';
    for (const text of [key('1'), '192.0.2.7', '198.51.100.0/24', '2001:db8::/32', '::ffff:203.0.113.1'])
      await addBlock(store, { ...readBlocked(text, domain), why: text.slice(0, 20), since: 0 });
    equal(grants.barred(key('1'), '10.0.0.1'), key('1').slice(0, 20));
    for (const ip of ['192.0.2.7', '198.51.100.200', '2001:db8:1::1']) ok(grants.barred('', ip) !== null, ip);
    for (const ip of ['192.0.2.8', '198.51.101.1', '2001:db9::1', '']) equal(grants.barred(key('2'), ip), null, ip);
    equal((await listBlocks(store)).length, 5);
    equal(await removeBlock(store, readBlocked('198.51.100.0/24', domain)), true);
    equal(await removeBlock(store, readBlocked('198.51.100.0/24', domain)), false);
    equal(grants.barred('', '198.51.100.200'), null);
  });

  it('has a reason of one line, and is one of the three', async (test) => {
    const { store } = await world(test);
    for (const why of ['', ' ', 'a\nb', 'a\x1b[2J', '\u202e', 'x'.repeat(201)])
      await rejects(addBlock(store, { kind: 'name', what: 'blog', why, since: 0 }), has('usage-wrong'), JSON.stringify(why));
    deepEqual(readBlocked('Blog.example.org', 'example.org'), { kind: 'name', what: 'blog' });
    for (const text of ['', 'a..b', '300.1.1.1', '192.0.2.0/99', key('g'), '*.blog'])
      await rejects(async () => readBlocked(text, 'example.org'), has('name-malformed'), text);
  });
});

describe('what another process wrote', () => {
  it('holds when the refresh is done, without waiting for the store to look', async (test) => {
    const time = { now: 0 };
    const store = createMemoryStore({ now: () => time.now });
    // A store that never tells: as one that has not looked yet.
    const deaf: Store = {
      ...store,
      records: {
        get: (name) => store.records.get(name),
        list: (prefix) => store.records.list(prefix),
        put: (name, value, options) => store.records.put(name, value, options),
        delete: (name, options) => store.records.delete(name, options),
        watch: () => ({ close: () => undefined }),
      },
    };
    const grants = await openGrants({ store: deaf, domain: 'example.org', owner: null, now: () => 0, onChange: () => undefined });
    test.after(() => grants.close());
    await store.records.put('names/blog', { owner: key('1'), since: 0 });
    await addBlock(store, { kind: 'gateway', what: key('2'), why: 'x', since: 0 });
    equal(grants.owns(key('1'), 'blog.example.org'), false);
    await grants.refresh();
    equal(grants.owns(key('1'), 'blog.example.org'), true);
    equal(grants.barred(key('2'), ''), 'x');
    await revokeGateway(store, key('1'), 0);
    await store.records.delete(`blocks/gateway/${key('2')}`);
    await grants.refresh();
    equal(grants.owns(key('1'), 'blog.example.org'), false, 'a revoked key that goes on');
    equal(grants.barred(key('2'), ''), null);
    equal((await listNames(store))[0]?.grant?.released, 0);
  });
});

it('an invitation is spent once, by whoever replays it, and a guess is refused in the same words (invitation replay, guessing of invitation codes)', async (test) => {
  const { store, time, grants, invite } = await world(test);
  const secret = await invite('blog');
  equal(Buffer.from(secret, 'base64url').length, 16, '128 bits: no rate of guesses finds one');
  const words = (text: string): Promise<string> =>
    redeemInvite(store, { secret: text, fingerprint: key('9'), now: time.now }).then(() => 'taken', String);
  await grants.redeem(secret, key('1'));
  const refused = await words('A'.repeat(22));
  equal(await words(secret), refused);
  for (const near of [secret.slice(0, -1), `${secret}A`, secret.toLowerCase(), '']) equal(await words(near), refused);
  equal(grants.owns(key('9'), 'blog.example.org'), false);
});
