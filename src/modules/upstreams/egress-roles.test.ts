/** Who may go where: four roles × ten destinations × five ways, with the right answers written down, through the real judge. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basicOf, noBody } from '../../../test/doubles/exchange.ts';
import { recordedOutside } from '../../../test/doubles/recorded-outside.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import type { Opened } from '../../contracts/upstream.ts';
import { proxiedRequest } from '../../core/egress/proxied.ts';
import { SallyportError } from '../../core/errors.ts';
import { fieldOf } from '../../core/http/fields.ts';
import { judge } from '../../core/policy/judge.ts';
import { key } from '../guards/key.ts';
import { buildEgress } from './egress.ts';

const names = {
  'www.example.org': ['93.184.215.14'],
  'git.example.org': ['93.184.215.15'],
  'api.example.net': ['151.101.1.69'],
  'x.ads.example.org': ['93.184.215.20'],
  'status.example.org': ['93.184.215.30'],
  'nas.lan': ['10.2.0.9'],
};

const lists = {
  allow: [
    { text: '*.example.org', who: ['role:partner'] },
    { text: 'git.example.org:22', who: ['role:partner', 'role:operator'] },
    { text: 'api.example.net:80', methods: ['GET', 'HEAD'], who: ['role:tester'] },
    { text: '10.2.0.0/16:22,443', who: ['role:operator'] },
    { text: '93.184.215.0/24:*', who: ['role:operator'] },
    { text: '*:8080', who: ['role:tester'] },
    { text: 'status.example.org' },
  ],
  deny: [{ text: 'private' }, { text: '*.ads.example.org' }, { text: '10.2.0.66' }],
};

const ways = ['CONNECT 443', 'CONNECT 22', 'GET 80', 'POST 80', 'GET 8080'] as const;

/** A sign for each of `ways`: + is led there, - is not. */
const right: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  partner: {
    'www.example.org': '+-++-',
    'git.example.org': '++++-',
    'api.example.net': '-----',
    'x.ads.example.org': '-----',
    'status.example.org': '+-++-',
    '93.184.215.14': '-----',
    '10.2.0.7': '-----',
    '10.2.0.66': '-----',
    '127.0.0.1': '-----',
    'nas.lan': '-----',
  },
  tester: {
    'www.example.org': '----+',
    'git.example.org': '----+',
    'api.example.net': '--+-+',
    'x.ads.example.org': '-----',
    'status.example.org': '+-+++',
    '93.184.215.14': '----+',
    '10.2.0.7': '-----',
    '10.2.0.66': '-----',
    '127.0.0.1': '-----',
    'nas.lan': '-----',
  },
  operator: {
    'www.example.org': '+++++',
    'git.example.org': '+++++',
    'api.example.net': '-----',
    'x.ads.example.org': '-----',
    'status.example.org': '+++++',
    '93.184.215.14': '+++++',
    '10.2.0.7': '++---',
    '10.2.0.66': '-----',
    '127.0.0.1': '-----',
    // A network opens addresses; the name of an inner place is not even looked up.
    'nas.lan': '-----',
  },
  guest: {
    'www.example.org': '-----',
    'git.example.org': '-----',
    'api.example.net': '-----',
    'x.ads.example.org': '-----',
    'status.example.org': '+-++-',
    '93.184.215.14': '-----',
    '10.2.0.7': '-----',
    '10.2.0.66': '-----',
    '127.0.0.1': '-----',
    'nas.lan': '-----',
  },
};

test('200 cases of roles, destinations, ports and methods have the answers that are written down', async () => {
  const tools = await testTools([]);
  const outside = recordedOutside(names);
  const upstream = buildEgress({ ...lists, mode: 'enforce', sni: 'any', resolver: null }, { ...tools, listening: () => [] }, outside);
  const { check } = key.build(key.options.parse({}), ...(await withKeys(tools)));
  const route = { name: 'out', service: null, identify: { is: 'check', check }, authorize: [], meter: [] } as const;
  let cases = 0;
  for (const [role, rows] of Object.entries(right)) {
    for (const [host, row] of Object.entries(rows)) {
      const found: string[] = [];
      for (const way of ways) {
        const [method = '', port = ''] = way.split(' ');
        const exchange = asked(method, host, Number(port), basicOf(role, secrets.get(role) ?? ''));
        const outcome = await judge(exchange, route, noBody);
        assert.ok(outcome.is === 'admit', `${role} shows a good key`);
        const dialled = outside.dials.length;
        const led = await isLed(async () => upstream.open(outcome.exchange, { signal: new AbortController().signal }, false));
        assert.equal(outside.dials.length > dialled, led, `${role} ${way} ${host}: nothing is dialled that is denied`);
        found.push(led ? '+' : '-');
        cases += 1;
      }
      assert.equal(found.join(''), row, `${role} to ${host} by ${ways.join(', ')}`);
    }
  }
  assert.equal(cases, 200);
});

async function isLed(open: () => Promise<Opened>): Promise<boolean> {
  try {
    const opened = await open();
    if (opened.is !== 'reply') opened.release(false);
    return true;
  } catch (error) {
    assert.ok(error instanceof SallyportError && error.code === 'destination-denied', String(error));
    return false;
  }
}

const secrets = new Map<string, string>();

async function withKeys(tools: Awaited<ReturnType<typeof testTools>>) {
  for (const name of Object.keys(right)) {
    const { secret } = await tools.people.keys.create({ name, roles: name === 'guest' ? [] : [name] });
    secrets.set(name, secret);
  }
  return [tools, { name: 'out', hosts: [], behindRelay: false }] as const;
}

function asked(method: string, host: string, port: number, credentials: string) {
  const target = method === 'CONNECT' ? `${host}:${port}` : `http://${host}:${port}/`;
  const proxy = { service: 'out', http: true, socks5: false, hide: false };
  const exchange = proxiedRequest(
    {
      method,
      target,
      path: null,
      minor: 1,
      fields: [fieldOf('Proxy-Authorization', credentials)],
      authority: { host, port },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
      ...(method === 'CONNECT' ? {} : { absolute: true as const }),
    },
    {
      id: 'x',
      at: 1,
      listener: { name: 'test', scheme: 'https', port: 8443, via: 'direct', loopback: false, proxy },
      from: { ip: '192.0.2.7', port: 1 },
      sni: null,
    },
  );
  assert.ok(!('code' in exchange));
  return exchange;
}
