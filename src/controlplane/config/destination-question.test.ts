/** What is explained of a destination is what is decided: random lists, clients and destinations. SALLYPORT_SEED takes the same ones again. */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { basicOf, noBody } from '../../../test/doubles/exchange.ts';
import { recordedOutside } from '../../../test/doubles/recorded-outside.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { Chance } from '../../../test/fuzz/chance.ts';
import type { Service } from '../../contracts/snapshot.ts';
import { proxiedRequest } from '../../core/egress/proxied.ts';
import { SallyportError } from '../../core/errors.ts';
import { fieldOf } from '../../core/http/fields.ts';
import { judge } from '../../core/policy/judge.ts';
import type { Route } from '../../core/policy/route.ts';
import { client } from '../../modules/guards/client.ts';
import { key } from '../../modules/guards/key.ts';
import { buildEgress } from '../../modules/upstreams/egress.ts';
import { openClientDesk } from '../clients/desk.ts';
import { openClients } from '../clients/table.ts';
import { answering, type Answering } from './destination-question.ts';

type Entries = readonly Readonly<{ text: string; methods?: readonly string[]; who?: readonly string[] }>[];
type Lists = Readonly<{ allow: Entries; deny: Entries; mode: 'enforce' | 'watch' }>;

const names = {
  'www.example.org': ['93.184.215.14'],
  'git.example.org': ['93.184.215.15', '2a00:1::15'],
  'inner.example.org': ['10.2.0.7'],
  'mixed.example.org': ['10.2.0.7', '93.184.215.16'],
  'nas.lan': ['10.2.0.9'],
};
const hosts = [
  ...Object.keys(names),
  ...['missing.example.org', '93.184.215.14', '10.2.0.7', '127.0.0.1', '169.254.169.254', '[2a00:1::15]', '[::1]', 'localhost'],
];
const ports = [22, 80, 443, 8443] as const;
const methods = ['CONNECT', 'GET', 'POST'] as const;
const places = ['*', '*.example.org', 'git.example.org', '93.184.215.0/24', '10.2.0.0/16', '*.lan', '2a00:1::/32', '127.0.0.1', 'private'];
const whos = ['key:partner', 'key:farm', 'role:web'];
const listener = { name: 'test', scheme: 'https', port: 8443, via: 'direct', loopback: false } as const;
const proxy = { service: 'out', http: true, socks5: false, hide: false } as const;

async function begun() {
  const tools = await testTools([]);
  const clients = await openClients({ records: tools.store.records, now: tools.now, limits: tools.limits });
  const secrets = new Map<string, string>();
  for (const [name, roles] of [
    ['partner', ['web']],
    ['farm', []],
    ['late', ['web']],
  ] as const) {
    secrets.set(name, (await tools.people.keys.create({ name, roles })).secret);
    await clients.add({ name, members: [`key:${name}`] });
  }
  await clients.suspend('late', null);
  const desk = await openClientDesk(tools);
  return { tools: { ...tools, clients: desk }, secrets, close: () => desk.close() };
}

type Begun = Awaited<ReturnType<typeof begun>>;

function proxyOf({ tools }: Begun, lists: Lists) {
  const outside = recordedOutside(names);
  const guarded = { name: 'out', hosts: [], behindRelay: false };
  const shown = key.build(key.options.parse({}), tools, guarded);
  const standing = client.build({ terms: null, agreed: null }, tools, guarded);
  const upstream = buildEgress({ ...lists, sni: 'any', resolver: null }, { ...tools, listening: () => [] }, outside);
  const service = { name: 'out', open: true, expires: null, ruling: upstream.ruling } as unknown as Service;
  const route: Route<Service> = {
    name: 'out',
    service,
    identify: { is: 'check', check: shown.check },
    authorize: [standing.check],
    meter: [],
  };
  const about = new Map([
    [shown.check, shown],
    [standing.check, standing],
  ]);
  const snapshot = { route: () => route, services: [service] } as unknown as Parameters<typeof answering>[0]['snapshot'];
  const explains: Answering = answering({
    snapshot,
    about: (check) => about.get(check) ?? { words: 'a check' },
    via: 'direct',
    loopback: false,
    now: tools.clock.now,
    rolesOf: (who) => tools.keys.byName(who.slice('key:'.length))?.roles ?? [],
    clientOf: (name) => tools.clients.byName(name),
  });
  return { outside, route, upstream, explains };
}

/** What really becomes of it: the code of the refusal, or null. */
async function decided(
  { secrets, tools }: Begun,
  { route, upstream }: ReturnType<typeof proxyOf>,
  ask: Readonly<{ as: string; host: string; port: number; method: string }>,
): Promise<string | null> {
  const { as, host, port, method } = ask;
  const target = method === 'CONNECT' ? `${host}:${port}` : `http://${host}:${port}/`;
  const exchange = proxiedRequest(
    {
      method,
      target,
      path: null,
      minor: 1,
      fields: [fieldOf('Proxy-Authorization', basicOf(as, secrets.get(as) ?? ''))],
      authority: { host, port },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
      ...(method === 'CONNECT' ? {} : { absolute: true as const }),
    },
    { id: 'x', at: tools.clock.now, listener: { ...listener, proxy }, from: { ip: '192.0.2.7', port: 1 }, sni: null },
  );
  assert.ok(!('code' in exchange));
  const outcome = await judge(exchange, route, noBody);
  if (outcome.is === 'refuse') return outcome.code;
  try {
    const opened = await upstream.open(outcome.exchange, { signal: new AbortController().signal }, false);
    if (opened.is !== 'reply') opened.release(false);
    return null;
  } catch (error) {
    assert.ok(error instanceof SallyportError);
    return error.code;
  }
}

function randomEntries(chance: Chance, most: number, deny: boolean): Entries {
  return Array.from({ length: chance.number(most + 1) }, () => {
    const place = chance.pick(places.filter((each) => deny || each !== 'private'));
    const bare = place === 'private' ? place : place.includes('::') ? `[${place}]` : place;
    return {
      text: place === 'private' ? place : `${bare}${chance.pick(['', ':443', ':22', ':80-9000', ':*'])}`,
      ...(chance.once(4) ? { methods: [chance.pick(methods)] } : {}),
      ...(chance.once(3) ? { who: [chance.pick(whos)] } : {}),
    };
  });
}

test('explain says of a destination what is decided, with the same code, and dials nobody', async (context) => {
  const seed = Number(process.env['SALLYPORT_SEED'] ?? randomInt(2 ** 31));
  context.diagnostic(`SALLYPORT_SEED=${seed}`);
  const chance = new Chance(seed);
  const scene = await begun();
  const seen = new Map<string, number>();
  for (let round = 0; round < 120; round += 1) {
    const lists: Lists = {
      allow: randomEntries(chance, 4, false),
      deny: randomEntries(chance, 2, true),
      mode: chance.once(5) ? 'watch' : 'enforce',
    };
    const made = proxyOf(scene, lists);
    for (let each = 0; each < 10; each += 1) {
      const ask = {
        as: chance.pick(['partner', 'farm', 'late']),
        host: chance.pick(hosts),
        port: chance.pick(ports),
        method: chance.pick(methods),
      };
      const dialled = made.outside.dials.length;
      const told = await made.explains({ destination: `${ask.host}:${ask.port}`, method: ask.method, as: ask.as, proxy: null });
      const what = `${JSON.stringify(ask)} by ${JSON.stringify(lists)}: ${JSON.stringify(told)}`;
      assert.equal(made.outside.dials.length, dialled, what);
      const code = await decided(scene, made, ask);
      assert.equal(told.code, code, what);
      assert.equal(told.verdict, code === null ? 'pass' : 'deny', what);
      assert.equal(made.outside.dials.length > dialled, code === null, what);
      seen.set(String(code), (seen.get(String(code)) ?? 0) + 1);
    }
  }
  // All kinds of answers have been there.
  for (const code of ['null', 'destination-denied', 'client-suspended']) assert.ok((seen.get(code) ?? 0) > 20, JSON.stringify([...seen]));
});

test('a literal address is asked of nobody; a name is, and a denied name is not', async () => {
  const made = proxyOf(await begun(), { allow: [{ text: '*' }], deny: [{ text: 'git.example.org' }], mode: 'enforce' });
  const ask = (destination: string) => made.explains({ destination, method: 'CONNECT', as: 'partner', proxy: null });
  for (const literal of ['93.184.215.14:443', '[2a00:1::15]:443', '10.2.0.7:443', '127.0.0.1:443']) await ask(literal);
  assert.deepEqual(await ask('git.example.org:443'), {
    proxy: 'out',
    verdict: 'deny',
    code: 'destination-denied',
    why: 'it is on the list of what is denied',
    rule: 'git.example.org',
  });
  assert.deepEqual(made.outside.asked, []);
  assert.deepEqual(await ask('www.example.org:443'), { proxy: 'out', verdict: 'pass', code: null, why: 'it may be reached', rule: '*' });
  assert.deepEqual(new Set(made.outside.asked), new Set(['www.example.org']));
});

test('what is no destination, and who is suspended or unknown', async () => {
  const made = proxyOf(await begun(), { allow: [], deny: [], mode: 'enforce' });
  const ask = (destination: string, as: string | null = 'partner', proxyName: string | null = null) =>
    made.explains({ destination, method: 'CONNECT', as, proxy: proxyName });
  for (const wrong of ['example.org', 'example.org:0', '127.1:443', 'a b:443', '[::1%25lo]:443', '']) {
    const { verdict, code, rule } = await ask(wrong);
    assert.deepEqual({ verdict, code, rule }, { verdict: 'deny', code: 'target-malformed', rule: null }, wrong);
  }
  await assert.rejects(ask('www.example.org:443', 'partner', 'other'), { code: 'usage-wrong' });
  assert.equal((await ask('www.example.org:443', 'late')).code, 'client-suspended');
  assert.equal((await ask('www.example.org:443', 'key:nobody')).verdict, 'deny');
  // Nobody in particular: the lists alone are asked.
  assert.equal((await ask('www.example.org:443', null)).verdict, 'pass');
});
