import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guards } from '../../registry.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { ServicePlan } from './plan.ts';
import { configParser } from './parse.ts';
import { guardedOtherwise, isFor, unreadNames, unreadWarnings } from './unread.ts';

const parser = configParser([...guards.values()]);

function complaintOf(service: string, top = 'listen: https://127.0.0.1:443'): string {
  const parsed = parser.parse(`${top}\nservices:\n  s: ${service}\n`, '/x/sallyport.yaml');
  return parsed.ok ? '' : parsed.problems.map(({ sentence }) => sentence).join('; ');
}

test('what nobody could be asked is refused where it is written', () => {
  const refused: readonly (readonly [service: string, sentence: RegExp])[] = [
    ['{ to: "tls://x:1" }', /no access, expected \[public\] or/],
    [
      '{ to: "tls://x:1", access: [{ password: {} }] }',
      /found password, which cannot be asked before tls:\/\/, expected public, ip or login/,
    ],
    ['{ to: "tls://x:1", access: [public, { ip: [192.0.2.1], link: {} }] }', /found link/],
    ['{ to: "tls://x:1", access: [public], rewritehost: true }', /rewritehost: found it beside tls/],
    ['{ to: "tls://x:1", access: [public], rawheaders: true }', /rawheaders: found it beside tls/],
    [
      '{ to: "tcp://x:1", access: [{ webhook: { path: /a, kind: hmac, secret: b } }] }',
      /found webhook.*expected public, ip, link or password/,
    ],
    ['{ to: "tcp://x:1", rewritehost: true }', /found it beside tcp/],
  ];
  for (const [service, sentence] of refused) assert.match(complaintOf(service), sentence, service);
  for (const service of [
    '{ to: "tls://x:1", access: [public] }',
    '{ to: "tcp://x:1" }',
    '{ to: "tcp://x:1", access: [{ link: {}, ip: [::1] }] }',
  ])
    assert.equal(complaintOf(service), '', service);
  assert.match(
    complaintOf('{ to: "tls://x:1", access: [public] }', 'listen: http://127.0.0.1:80\nnetwork: shared'),
    /no https:\/\/ in listen/,
  );
});

function plan(service: string): ServicePlan {
  const parsed = parser.parse(`listen: https://127.0.0.1:443\nservices: { s: ${service} }`, '/x/sallyport.yaml');
  const [found] = parsed.ok ? parsed.config.services : [];
  assert.ok(found);
  return found;
}

test('an address is no guard behind a relay, and what is bare is said to be bare', () => {
  const machine = { relay: null, machine: [] };
  const atRelay = { relay: 'internet', machine: [] } as const;
  const byAddress = plan('{ to: "tls://x:1", access: [{ ip: [192.0.2.0/24] }] }');
  const open = plan('{ to: "tls://x:1", access: [public] }');
  assert.deepEqual(unreadWarnings(byAddress, machine), []);
  assert.throws(() => unreadWarnings(byAddress, atRelay), { code: 'config-unsafe', message: /the relay's word/ });
  for (const ways of [machine, atRelay])
    assert.deepEqual(
      unreadWarnings(open, ways).map(({ code }) => code),
      ['service-bare'],
    );
  // A plan that no parser has seen opens nothing either.
  assert.throws(() => unreadWarnings({ ...open, access: null }, machine), { code: 'config-unsafe' });
  assert.throws(() => unreadWarnings({ ...open, access: [[{ guard: 'link', options: {} }]] }, machine), { code: 'config-unsafe' });
  assert.deepEqual(unreadWarnings(plan('{ to: 80 }'), atRelay), []);
});

test('route confusion: each kind of service takes its own kind of connection only', () => {
  const http = (upgrade: 'websocket' | 'sallyport-tcp' | null): Exchange =>
    ({ listener: { scheme: 'https' }, http: { upgrade } }) as unknown as Exchange;
  const unread = { listener: { scheme: 'tls' }, http: null } as unknown as Exchange;
  const atPort = { listener: { scheme: 'tcp' }, http: null } as unknown as Exchange;
  const kinds = ['http', 'folder', 'tls', 'tcp', 'port'] as const;
  const takers = (exchange: Exchange): readonly string[] => kinds.filter((kind) => isFor(kind, exchange));
  assert.deepEqual(takers(unread), ['tls']);
  assert.deepEqual(takers(atPort), ['port']);
  assert.deepEqual(takers(http(null)), ['http', 'folder', 'tcp']);
  assert.deepEqual(takers(http('websocket')), ['http', 'folder', 'tcp']);
  assert.deepEqual(takers(http('sallyport-tcp')), ['tcp']);
});

test('names that are passed on are exactly those of such services, and every name where there is no other service', () => {
  assert.equal(unreadNames([{ kind: 'http', hosts: [] }]), null);
  const named = unreadNames([
    { kind: 'tls', hosts: ['a.test'] },
    { kind: 'http', hosts: ['b.test'] },
  ]);
  assert.deepEqual(
    ['a.test', 'b.test', 'x.a.test', null].map((name) => named?.(name)),
    [true, false, false, false],
  );
  assert.equal(unreadNames([{ kind: 'tls', hosts: [] }])?.(null), true);
});

test('connections of such a service are judged anew when its guards or its target change, and when nothing does they live on', () => {
  const read = (service: string, top = '') => {
    const parsed = parser.parse(
      `listen: https://127.0.0.1:443\n${top}\nservices: { s: ${service}, web: { to: 80, at: b.test } }`,
      '/x/sallyport.yaml',
    );
    assert.ok(parsed.ok, JSON.stringify(parsed));
    return parsed.config;
  };
  const before = read('{ at: a.test, to: "tcp://x:1", access: [{ link: {} }] }');
  const changed = (after: string, top = ''): readonly string[] => [...guardedOtherwise(before, read(after, top))];
  assert.deepEqual(changed('{ at: a.test, to: "tcp://x:1", access: [{ link: {} }], for: 2h }'), []);
  for (const after of [
    '{ at: a.test, to: "tcp://x:1", access: [{ password: {} }] }',
    '{ at: a.test, to: "tcp://x:2", access: [{ link: {} }] }',
    '{ at: a.test, to: "tcp://x:1" }',
  ])
    assert.deepEqual(changed(after), ['s'], after);
  assert.deepEqual(changed('{ at: a.test, to: "tcp://x:1", access: [{ link: {} }] }', 'network: shared'), ['s']);
});

test('trust is for balancers: named networks, never everybody, and a PROXY header is for a service that is dialled', () => {
  const read = (yaml: string): string => {
    const parsed = parser.parse(yaml, '/x/sallyport.yaml');
    return parsed.ok
      ? JSON.stringify(parsed.config.listen.map(({ port, trust }) => [port, trust?.map(({ text }) => text)]))
      : parsed.problems.map(({ sentence }) => sentence).join('; ');
  };
  const services = 'services: { s: { to: 1, proxy: v2 } }';
  assert.equal(
    read(`listen: [{ url: "https://0.0.0.0:443", trust: [10.0.0.0/8, "2001:db8::1"] }]\n${services}`),
    '[[443,["10.0.0.0/8","2001:db8::1/128"]]]',
  );
  for (const trust of ['[0.0.0.0/0]', '["::/0"]', '[]', '[10.1]', '[balancer.test]', '10.0.0.0/8'])
    assert.match(
      read(`listen: { url: "https://0.0.0.0:443", trust: ${trust} }\n${services}`),
      /expected .*(?:balancers|trust|https)/,
      trust,
    );
  assert.match(read(`listen: https://0.0.0.0:443\nservices: { s: { to: 1, proxy: v3 } }`), /proxy: found "v3", expected one of v1, v2/);
  assert.match(read(`listen: https://0.0.0.0:443\nservices: { s: { dir: ., proxy: v1 } }`), /proxy: found it beside dir/);
});
