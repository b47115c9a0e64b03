/** Names outside of the relay's domain, with name servers on loopback that say, deny, lie and are silent. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { defaults } from '../../core/limits.ts';
import type { Store } from '../../contracts/store.ts';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { until } from '../../../test/tunnel/relay.ts';
import { nameServer, type NameServer, type Said } from '../../../test/doubles/dns.ts';
import { OwnDomains, type OwnDomainsOptions } from './own-domains.ts';
import { listOwnNames, mayBeOwn, moveOwnNames, releaseOwnName, type OwnName } from './own-names.ts';
import { releasedMs } from './names.ts';
import { proofNameOf, proofTextOf, resolverAt } from './txt-proof.ts';

const key = (digit: string): string => digit.repeat(64);
const day = 86_400_000;
const name = 'blog.example.net';

type World = Readonly<{
  options: OwnDomainsOptions;
  store: Store;
  time: { now: number };
  servers: readonly NameServer[];
  own: OwnDomains;
  changes: { count: number };
  blocked: Map<string, string>;
  /** What all name servers say of a name's proof. */
  say: (host: string, said: Said) => void;
  /** `held`, or why not. */
  claim: (fingerprint: string, host?: string) => Promise<string>;
  record: () => Promise<OwnName | undefined>;
}>;

async function world(test: TestContext, count = 1, perGateway: number | null = 3): Promise<World> {
  const time = { now: 1_000_000_000 };
  const store = createMemoryStore({ now: () => time.now });
  const servers: NameServer[] = [];
  for (let each = 0; each < count; each += 1) servers.push(await nameServer(test));
  const changes = { count: 0 };
  const blocked = new Map<string, string>();
  const options: OwnDomainsOptions = {
    store,
    domain: 'example.org',
    perGateway,
    resolvers: servers.map(({ address }) => resolverAt(address, 100)),
    limits: defaults,
    now: () => time.now,
    chance: () => 0.5,
    blocked: (host) => blocked.get(host) ?? null,
    onChange: () => void (changes.count += 1),
  };
  const own = await OwnDomains.open(options);
  test.after(() => own.close());
  const say: World['say'] = (host, said) => {
    for (const { says } of servers) says.set(`_sallyport.${host}`, said);
  };
  const claim: World['claim'] = async (fingerprint, host = name) => {
    const refusal = await own.claim(fingerprint, host);
    return refusal?.because ?? (own.owns(fingerprint, host) ? 'held' : 'refused');
  };
  return { options, store, time, servers, own, changes, blocked, say, claim, record: async () => (await listOwnNames(store))[0]?.own };
}

describe('a name of one’s own', () => {
  it('is the key’s whose fingerprint its TXT record holds, and nobody else’s (subdomain takeover)', async (test) => {
    const { servers, own, say, claim } = await world(test);
    equal(await claim(key('1')), 'absent');
    deepEqual(servers[0]?.asked, ['_sallyport.blog.example.net']);
    say(name, [['v=spf1 -all'], [proofTextOf(key('2'))]]);
    equal(await claim(key('2')), 'held');
    equal(await claim(key('3')), 'kept');
    for (const other of ['example.net', 'x.blog.example.net', 'xblog.example.net']) equal(own.owns(key('2'), other), false, other);
    deepEqual([own.isGranted(name), own.isGranted('other.net')], [true, false]);
  });

  it('is refused with the very record that is missing, and the name servers are not asked again at once', async (test) => {
    const { servers, time, own, say, claim } = await world(test);
    deepEqual(await own.claim(key('1'), name), {
      name,
      is: 'refused',
      code: 'name-unproved',
      because: 'absent',
      txt: `sallyport=${key('1')}`,
    });
    say(name, [[proofTextOf(key('1'))]]);
    for (let each = 0; each < 20; each += 1) equal(await claim(key('1')), 'absent');
    equal(servers[0]?.asked.length, 1);
    time.now += defaults.ownNameRetryMs;
    equal(await claim(key('1')), 'held');
  });

  it('is a wildcard where its parent is proved, and a name beside it is not', async (test) => {
    const { own, say, claim } = await world(test);
    say('blog.example.net', [[proofTextOf(key('1'))]]);
    equal(await claim(key('1'), '*.example.net'), 'absent');
    say('shop.net', [[proofTextOf(key('1'))]]);
    equal(await claim(key('1'), '*.shop.net'), 'held');
    equal(own.owns(key('1'), 'x.shop.net'), false);
    equal(own.isGranted('x.shop.net'), true);
  });

  it('is none of the relay’s, no address and no bare word', () => {
    for (const good of ['blog.example.net', 'example.net', 'org.example']) equal(mayBeOwn(good, 'relay.example.org'), true, good);
    for (const bad of [
      'relay.example.org',
      'x.relay.example.org',
      'example.org',
      'org',
      'localhost',
      '127.0.0.1',
      '1.2',
      'Blog.example.net',
      'a..b',
    ])
      equal(mayBeOwn(bad, 'relay.example.org'), false, bad);
    equal(proofNameOf(`${'a.'.repeat(121)}net`), null);
    equal(proofNameOf('*.example.net'), '_sallyport.example.net');
  });

  it('is nobody’s where the operator allows none, or blocked it, and one key has so many at most', async (test) => {
    const off = await world(test, 1, null);
    off.say(name, [[proofTextOf(key('1'))]]);
    equal(await off.claim(key('1')), 'refused');
    equal(off.servers[0]?.asked.length, 0);
    const { own, blocked, say, claim, servers, options } = await world(test, 1, 2);
    for (const host of ['a.net', 'b.net', 'c.net']) say(host, [[proofTextOf(key('1'))]]);
    deepEqual(await Promise.all(['a.net', 'b.net', 'c.net'].map((host) => claim(key('1'), host))), ['held', 'held', 'count']);
    equal(servers[0]?.asked.length, 2);
    const shut = await OwnDomains.open({ ...options, perGateway: null });
    test.after(() => shut.close());
    deepEqual([shut.owns(key('1'), 'a.net'), shut.isGranted('a.net')], [false, false], 'and what was proved does not hold either');
    blocked.set('a.net', 'phishing');
    equal(own.owns(key('1'), 'a.net'), false);
    deepEqual([own.blockedName(key('1'), 'a.net'), own.blockedName(key('2'), 'a.net')], ['phishing', null]);
    blocked.set('d.net', 'phishing');
    say('d.net', [[proofTextOf(key('2'))]]);
    equal(await claim(key('2'), 'd.net'), 'refused');
  });
});

describe('DNS that lies', () => {
  it('gives no name by one of two name servers (DNS spoofing)', async (test) => {
    const { servers, time, claim } = await world(test, 2);
    const [one, two] = servers;
    one?.says.set(`_sallyport.${name}`, [[proofTextOf(key('1'))]]);
    for (const said of ['nxdomain', 'servfail', 'silent'] as const) {
      two?.says.set(`_sallyport.${name}`, said);
      equal(await claim(key('1')), 'dns', said);
      time.now += defaults.ownNameRetryMs;
    }
    two?.says.set(`_sallyport.${name}`, [[proofTextOf(key('1'))]]);
    equal(await claim(key('1')), 'held');
  });

  it('takes no name by one of two, and a failure is no loss before its time of grace', async (test) => {
    const { servers, time, own, say, claim, record, changes } = await world(test, 2);
    say(name, [[proofTextOf(key('1'))]]);
    equal(await claim(key('1')), 'held');
    servers[1]?.says.set(`_sallyport.${name}`, 'nxdomain');
    const later = async (ms: number): Promise<boolean> => {
      time.now += ms;
      await own.look();
      return own.owns(key('1'), name);
    };
    equal(await later(day * 2), true);
    ok((await record())?.failing !== null);
    equal(await later(day * 6), true, 'a lie of one server for six days');
    servers[1]?.says.set(`_sallyport.${name}`, 'silent');
    equal(await later(day / 2), true);
    equal((await record())?.failing, null, 'one that is silent denies nothing');
    say(name, 'servfail');
    equal(await later(day * 2), true);
    equal(await later(day * 6.9), true);
    equal(await later(day * 0.2), false, 'seven days without an answer');
    equal(changes.count, 3, 'told of two doubts and of the loss');
  });

  it('that shows a proof and takes it away again gives the name for a day, and to nobody else for 90 (DNS rebinding, dangling name)', async (test) => {
    const { store, time, own, say, claim } = await world(test);
    say(name, [[proofTextOf(key('1'))]]);
    equal(await claim(key('1')), 'held');
    say(name, [[proofTextOf(key('2'))]]);
    time.now += day * 1.2;
    await own.look();
    equal(own.owns(key('1'), name), true, 'a slip of the operator costs nothing for a day');
    equal(await claim(key('2')), 'kept');
    time.now += day;
    await own.look();
    equal(own.owns(key('1'), name), false);
    equal(await claim(key('2')), 'kept', 'a dangling name is no prize');
    time.now += releasedMs - 1;
    equal(await claim(key('2')), 'kept');
    time.now += 1;
    equal(await claim(key('2')), 'held');
    await releaseOwnName(store, name, { now: time.now, anyKey: false });
    say(name, [[proofTextOf(key('1'))], [proofTextOf(key('2'))]]);
    equal(await claim(key('1')), 'kept');
    equal(await claim(key('2')), 'held', 'its last owner may come back');
    await releaseOwnName(store, name, { now: time.now, anyKey: true });
    equal(await claim(key('1')), 'held', 'and anybody by the operator’s word');
  });

  it('with too much to say is not believed (TXT flood)', async (test) => {
    const { time, say, claim } = await world(test);
    const floods: Record<string, Said> = {
      'too many': [...Array.from({ length: 16 }, (_, each) => [`x${each}`]), [proofTextOf(key('1'))]],
      'too long': [[proofTextOf(key('1')), 'x'.repeat(200)]],
      'in one long text': [['x'.repeat(200), 'x'.repeat(100), proofTextOf(key('1'))]],
      'another key, and ours behind it': [[`${proofTextOf(key('2'))} ${proofTextOf(key('1'))}`]],
      'upper case': [[proofTextOf(key('1')).toUpperCase()]],
      empty: [['']],
    };
    for (const [what, said] of Object.entries(floods)) {
      say(name, said);
      ok(['absent', 'dns'].includes(await claim(key('1'))), what);
      time.now += defaults.ownNameRetryMs;
    }
    say(name, [[proofTextOf(key('1')).slice(0, 20), proofTextOf(key('1')).slice(20)]]);
    equal(await claim(key('1')), 'held', 'one text in two strings is one text');
  });

  it('costs a bounded number of lookups, whoever asks (resource exhaustion)', async (test) => {
    const { servers, say, claim } = await world(test, 1, 1_000);
    const hosts = Array.from({ length: 100 }, (_, each) => `n${each}.net`);
    for (const host of hosts) say(host, 'silent');
    const said = await Promise.all([...hosts, ...hosts].map((host) => claim(key('1'), host)));
    deepEqual(new Set(said), new Set(['dns']));
    ok(new Set(servers[0]?.asked).size <= defaults.ownNameLookupsMax, `${servers[0]?.asked.length}`);
  });
});

it('a doubtful name is looked at once in twenty seconds, however often its gateway registers (resource exhaustion)', async (test) => {
  const { servers, time, say, claim, own } = await world(test);
  say(name, [[proofTextOf(key('1'))]]);
  equal(await claim(key('1')), 'held');
  say(name, 'servfail');
  time.now += 2 * defaults.ownNameFreshMs;
  const before = servers[0]?.asked.length ?? 0;
  for (let each = 0; each < 50; each += 1) equal(await claim(key('1')), 'held');
  await until(() => own.failing(key('1'), name) !== null);
  for (let each = 0; each < 50; each += 1) equal(await claim(key('1')), 'held');
  equal((servers[0]?.asked.length ?? 0) - before, 1);
  say(name, [[proofTextOf(key('1'))]]);
  time.now += defaults.ownNameRetryMs;
  equal(await claim(key('1')), 'held');
  await until(() => own.failing(key('1'), name) === null);
});

it('a name of one’s own goes with its key, and is proved by the new one within the time of grace', async (test) => {
  const { store, time, own, say, claim } = await world(test);
  say(name, [[proofTextOf(key('1'))]]);
  equal(await claim(key('1')), 'held');
  await moveOwnNames(store, { from: key('1'), to: key('2') });
  deepEqual([own.owns(key('1'), name), own.owns(key('2'), name)], [false, true]);
  say(name, [[proofTextOf(key('2'))]]);
  time.now += 2 * day;
  await own.look();
  equal(own.owns(key('2'), name), true);
});
