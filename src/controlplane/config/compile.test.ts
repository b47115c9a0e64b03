/** What a plan becomes, preset by preset. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Guard } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { defineUpstream } from '../../contracts/upstream.ts';
import type { Upstream } from '../../contracts/upstream.ts';
import { SallyportError } from '../../core/errors.ts';
import { limitsWith } from '../../core/limits.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Tree } from '../../core/policy/route.ts';
import { compile } from './compile.ts';
import type { World } from './compile.ts';
import { configOrThrow, configParser } from './parse.ts';

/** Guards that say their name as the verdict's reason, so that their order can be read. */
function guard(name: string, stage: 'identify' | 'authorize' = 'identify', build?: () => never): Guard<unknown> {
  return defineGuard<unknown>({
    name,
    stage,
    options: stage === 'identify' ? z.record(z.string(), z.unknown()) : z.enum(['on', 'auto']),
    build:
      build ?? (() => ({ check: () => ({ is: 'challenge', code: 'credentials-missing', why: name, answer: null }), words: `the ${name}` })),
  });
}

const guards = [guard('public'), guard('password'), guard('link'), guard('ip')];
const parser = configParser(guards);

function world(changes: Partial<World> = {}, opened: unknown[] = [], closed: string[] = []): World {
  const upstream = (name: string): Upstream<unknown> =>
    defineUpstream<unknown>({
      name,
      options: z.unknown(),
      build: (options) => {
        opened.push(options);
        return {
          open: () => ({ is: 'reply', reply: { status: 200, fields: [], body: null } }),
          words: name,
          close: async () => {
            closed.push(name);
          },
        };
      },
    });
  return {
    guards: new Map([...guards, guard('firewall', 'authorize')].map((each) => [each.name, each])),
    upstreams: new Map([upstream('http'), upstream('folder')].map((each) => [each.name, each])),
    // Only the limits are looked at here: guards and upstreams are the doubles above.
    tools: { limits: limitsWith({}) } as unknown as Tools,
    ways: { relay: null, machine: ['127.0.0.1', '192.168.1.5'] },
    namesOf: ({ name, at }) => [...new Set([...at, ...(changes.ways?.relay ? [`${name}.localhost`] : [])])],
    isOpen: () => true,
    openedAt: () => 1_000,
    version: 1,
    checkNonce: 'n',
    platform: 'linux',
    ...changes,
  };
}

function compiled(text: string, changes: Partial<World> = {}) {
  return compile(configOrThrow(parser.parse(text, '/x/sallyport.yaml'), 'sallyport.yaml'), world(changes));
}

test('route confusion: two services never answer to one name, also where a relay gives it to one of them', () => {
  const relays = { ways: { relay: 'internet', machine: [] } } as const;
  const text = (at: string) => `services: { shop: { to: 1, access: [{ password: {} }] }, blog: { to: 2, access: [public], at: ${at} } }`;
  assert.throws(() => compiled(text('shop.localhost'), relays), {
    code: 'config-malformed',
    message: 'services.shop and services.blog would both be reached at shop.localhost.',
  });
  assert.doesNotThrow(() => compiled(text('other.localhost'), relays));
});

function asked(host: string, changes: Partial<Exchange['listener']> = {}, method = 'GET'): Exchange {
  const listener = { name: 'x', scheme: 'https', port: 443, via: 'direct', loopback: false, ...changes } as const;
  return {
    id: 'x',
    at: 0,
    listener,
    from: { ip: '127.0.0.1', port: 1 },
    host,
    sni: null,
    identity: null,
    http: {
      method,
      target: '/a?b',
      path: { text: '/a', clear: true },
      minor: 1,
      fields: [],
      authority: { host, port: null },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
    },
  };
}

function leaves(tree: Tree | null): unknown {
  if (tree === null) return null;
  if (tree.is !== 'check') return { [tree.is]: tree.of.map(leaves) };
  const verdict = tree.check(asked('x'), async () => null);
  return verdict instanceof Promise ? 'later' : verdict.is === 'challenge' ? verdict.why : 'local';
}

const listening = 'listen: https://127.0.0.1:8443\n';

const walls = (firewall: string, access: string): number =>
  compiled(`${listening}services: { a: { to: 1, firewall: ${firewall}, access: [${access}] } }`).snapshot.route(asked('x'))?.authorize
    .length ?? -1;

const dialled = (text: string, platform = 'linux'): unknown => {
  const opened: unknown[] = [];
  compile(configOrThrow(parser.parse(`${listening}services: { a: ${text} }`, '/x/y.yaml'), 'y'), { ...world({}, opened), platform });
  return opened[0];
};
const host = (setting: string): unknown =>
  compiled(`${listening}services: { a: { to: 3000${setting} } }`).snapshot.services[0]?.forwarding.host;

const ends = (setting: string): unknown => compiled(`${listening}services: { a: { to: 1, ${setting} } }`).snapshot.services[0]?.expires;

const trusted = (listen: string, ways: World['ways'] = { relay: null, machine: ['127.0.0.1', '10.0.0.2'] }) =>
  compiled(`${listen}network: trusted\nservices: { a: { to: 1 } }`, { ways });

const shared = (more: string) => compiled(`${more}network: shared\nservices: { a: { to: 1 } }`);

test('HTTP/1.0: who names no host asks for the service as its URL says', () => {
  for (const [to, host] of [
    ['http://app.internal:8080', 'app.internal:8080'],
    ['http://app.internal', 'app.internal'],
    ['http://[fd00::1]:3000', '[fd00::1]:3000'],
    ['127.0.0.1:3000', '127.0.0.1:3000'],
  ] as const) {
    const [service] = compiled(`${listening}services: { a: { to: '${to}' } }`).snapshot.services;
    assert.equal(service?.forwarding.hostless, host);
  }
});

test('routes by exact canonical name, in any order', () => {
  const { snapshot } = compiled(`${listening}services: { a: { to: 1, at: [a.example, b.example] }, b: { to: 2, at: c.example } }`);
  assert.equal(snapshot.route(asked('b.example'))?.name, 'a');
  assert.equal(snapshot.route(asked('c.example'))?.name, 'b');
  for (const host of ['d.example', 'x.a.example', 'example', '', '__proto__']) assert.equal(snapshot.route(asked(host)), null, host);
});

test('one service without a name answers to every name of a gateway that listens itself', () => {
  const { snapshot } = compiled(`${listening}services: { a: { to: 1 } }`);
  assert.deepEqual(snapshot.services[0]?.hosts, []);
  assert.equal(snapshot.route(asked('whatever.example'))?.name, 'a');
});

test('behind a relay a service answers to the names that the relay gives it, and to no other', () => {
  const { snapshot } = compiled('services: { a: { to: 1 }, b: { to: 2, at: b.example } }', { ways: { relay: 'machine', machine: [] } });
  assert.equal(snapshot.route(asked('a.localhost'))?.name, 'a');
  assert.equal(snapshot.route(asked('b.localhost'))?.name, 'b');
  assert.equal(snapshot.route(asked('b.example'))?.name, 'b');
  assert.equal(snapshot.route(asked('a.example')), null);
});

test('refuses a service that no name leads to', () => {
  assert.throws(() => compiled('services: { a: { to: 1 } }'), { code: 'config-malformed', message: /services\.a has no name/ });
});

test('the access that the preset gives: everyone, a password, a password', () => {
  assert.deepEqual(leaves(compiled(`${listening}services: { a: { to: 1 } }`).snapshot.route(asked('x'))?.identify ?? null), 'password');
  assert.deepEqual(
    leaves(compiled(`${listening}network: shared\nservices: { a: { to: 1 } }`).snapshot.route(asked('x'))?.identify ?? null),
    {
      any: ['local', 'password'].map((name) => (name === 'local' ? 'local' : name)),
    },
  );
  const free = compiled(`${listening}network: trusted\nservices: { a: { to: 1 } }`);
  assert.equal(free.snapshot.services[0]?.guarded, false);
  assert.deepEqual(leaves(free.snapshot.route(asked('x'))?.identify ?? null), 'public');
});

test('local: free and local: guarded stand above the preset', () => {
  assert.deepEqual(leaves(compiled(`${listening}local: free\nservices: { a: { to: 1 } }`).snapshot.route(asked('x'))?.identify ?? null), {
    any: ['local', 'password'],
  });
  assert.deepEqual(
    leaves(
      compiled(`${listening}network: shared\nlocal: guarded\nservices: { a: { to: 1 } }`).snapshot.route(asked('x'))?.identify ?? null,
    ),
    'password',
  );
});

test('a visitor on this machine is let in as "local", one beyond it is not', () => {
  const { snapshot } = compiled('listen: http://127.0.0.1:8080\nnetwork: shared\nservices: { a: { to: 1 } }');
  const tree = snapshot.route(asked('localhost'))?.identify;
  const check = tree?.is === 'any' && tree.of[0]?.is === 'check' ? tree.of[0].check : null;
  const here = check?.(asked('localhost', { loopback: true, scheme: 'http' }), async () => null);
  assert.deepEqual(here, { is: 'pass', identity: { guard: 'local', subject: 'local', name: 'this machine', by: 'address', roles: [] } });
  assert.deepEqual(
    check?.(asked('localhost', { loopback: false }), async () => null),
    { is: 'skip' },
  );
  assert.deepEqual(
    check?.(asked('localhost', { loopback: true, via: 'relay' }), async () => null),
    { is: 'skip' },
  );
});

test('asks the cheap guards before the costly ones, any of the entries, all of one', () => {
  const { snapshot, accessWords } = compiled(
    `${listening}services: { a: { to: 1, access: [{ password: {} }, { password: {}, ip: {} }, { link: {} }] } }`,
  );
  assert.deepEqual(leaves(snapshot.route(asked('x'))?.identify ?? null), { any: ['link', 'password', { all: ['ip', 'password'] }] });
  assert.equal(accessWords.get('a'), 'the link, or the password, or the ip and the password');
});

test('a service is open to strangers only when one of its entries says public and nothing else', () => {
  assert.equal(compiled(`${listening}services: { a: { to: 1, access: [public, { password: {} }] } }`).snapshot.services[0]?.guarded, false);
  assert.equal(compiled(`${listening}services: { a: { to: 1, access: [{ link: {} }] } }`).snapshot.services[0]?.guarded, true);
});

test('the firewall stands before every service unless it is off', () => {
  // The hours of users and keys hold always.
  const hours = 1;
  assert.equal(walls('on', 'public'), hours + 1);
  assert.equal(walls('on', '{ password: {} }'), hours + 1);
  assert.equal(walls('auto', '{ password: {} }'), hours + 1);
  assert.equal(walls('off', 'public'), hours);
});

test('dials from a loopback address of its own, where the system has one and the service is here', () => {
  assert.deepEqual(dialled('{ to: 3000 }'), { hosts: ['127.0.0.1', '::1'], port: 3000, from: '127.83.203.152' });
  assert.deepEqual(dialled('{ to: 3000 }', 'darwin'), { hosts: ['127.0.0.1', '::1'], port: 3000, from: null });
  assert.deepEqual(dialled('{ to: "192.168.1.9:80" }'), { hosts: ['192.168.1.9'], port: 80, from: null });
  assert.deepEqual(dialled('{ to: "[::1]:80" }'), { hosts: ['::1'], port: 80, from: null });
  assert.deepEqual(dialled('{ to: 3000, from: 127.0.0.1 }'), { hosts: ['127.0.0.1', '::1'], port: 3000, from: '127.0.0.1' });
  assert.deepEqual(dialled('{ dir: site }'), { path: '/x/site', indexes: false });
});

test('warns of a service that is dialled from 127.0.0.1', () => {
  assert.deepEqual(
    compiled(`${listening}services: { a: { to: 1, from: 127.0.0.1 } }`).warnings.map(({ code }) => code),
    ['source-local'],
  );
});

test('rewrites Host to the service or to a name, and keeps it otherwise', () => {
  assert.equal(host(''), null);
  assert.equal(host(', rewritehost: true'), 'localhost:3000');
  assert.equal(host(', rewritehost: App.Internal'), 'app.internal');
});

test('ends at the earlier of expires and for', () => {
  assert.equal(ends('for: 2h'), 7_201_000);
  assert.equal(ends('for: 2h, expires: 1970-01-01T00:00:05Z'), 5_000);
  assert.equal(ends('for: never'), null);
});

test('trusted: warns aloud on a private address and refuses a public one and a relay to the Internet', () => {
  assert.match(
    trusted('listen: http://10.0.0.2:80\n').warnings[0]?.message ?? '',
    /anyone who reaches this machine can do anything with a: read, change and delete/,
  );
  assert.match(trusted('listen: http://0.0.0.0:80\n').warnings[0]?.message ?? '', /anyone who reaches/);
  assert.match(trusted('listen: http://127.0.0.1:80\n').warnings[0]?.message ?? '', /every user of this machine/);
  assert.throws(() => trusted('listen: http://203.0.114.9:80\n'), { code: 'config-unsafe', message: /203\.0\.114\.9 is a public address/ });
  assert.throws(() => trusted('listen: http://0.0.0.0:80\n', { relay: null, machine: ['9.9.9.9'] }), {
    code: 'config-unsafe',
    message: /9\.9\.9\.9/,
  });
  assert.throws(() => trusted('', { relay: 'internet', machine: [] }), { code: 'config-unsafe', message: /through the relay/ });
  assert.equal(trusted('', { relay: 'machine', machine: [] }).warnings[0]?.code, 'network-trusted');
});

test('trusted: a service that says who may come in is not refused', () => {
  assert.deepEqual(
    compiled('network: trusted\nlisten: https://9.9.9.9\nservices: { a: { to: 1, access: [{ password: {} }] } }').warnings,
    [],
  );
});

test('shared: refuses plain HTTP beyond this machine unless it is forced, and says so then', () => {
  assert.throws(() => shared('listen: http://10.0.0.2:80\n'), { code: 'config-unsafe', message: /plain HTTP at http:\/\/10\.0\.0\.2:80/ });
  assert.equal(shared('listen: http://10.0.0.2:80\nplainhttp: allow\n').warnings[0]?.code, 'http-plain');
  assert.deepEqual(shared('listen: http://127.0.0.1:80\n').warnings, []);
});

test('hostile: plain HTTP only redirects, to names of ours and with nothing in the body', async () => {
  assert.throws(() => compiled('listen: http://127.0.0.1:80\nservices: { a: { to: 1 } }'), { code: 'config-unsafe' });
  const { snapshot } = compiled('listen: [http://0.0.0.0:80, https://0.0.0.0:8443]\nservices: { a: { to: 1, at: a.example } }');
  const answer = async (exchange: Exchange) => {
    const opened = await snapshot.route(exchange)?.service.dial(exchange, { signal: new AbortController().signal }, false);
    return opened?.is === 'reply' ? [opened.reply.status, opened.reply.fields.find(([name]) => name === 'Location')?.[1]] : null;
  };
  assert.deepEqual(await answer(asked('a.example', { scheme: 'http' })), [308, 'https://a.example:8443/a?b']);
  assert.deepEqual(await answer(asked('a.example', { scheme: 'http' }, 'POST')), [403, undefined]);
  assert.deepEqual(await answer(asked('evil.example', { scheme: 'http' })), [403, undefined]);
  assert.equal(snapshot.route(asked('a.example'))?.name, 'a');
});

test('warns of an address as the only guard behind a relay, and not beside a password', () => {
  const ways = { relay: 'internet', machine: [] } as const;
  const codes = (access: string) => compiled(`services: { a: { to: 1, access: [${access}] } }`, { ways }).warnings.map(({ code }) => code);
  assert.deepEqual(codes('{ ip: {} }'), ['address-alone']);
  assert.deepEqual(codes('{ ip: {}, password: {} }'), []);
});

test('limits of the configuration take the place of the defaults', () => {
  assert.equal(compiled(`${listening}limits: { headFieldsMax: 7 }\nservices: { a: { to: 1 } }`).snapshot.limits.headFieldsMax, 7);
});

test('a configuration that cannot be built leaves nothing open behind it', () => {
  const opened: unknown[] = [];
  const closed: string[] = [];
  let built = 0;
  const failing = guard('link', 'identify', () => {
    built += 1;
    throw new SallyportError('user-missing', 'nobody');
  });
  const own = world({}, opened, closed);
  const changed: World = { ...own, guards: new Map([...own.guards, ['link', failing]]) };
  const config = configOrThrow(
    parser.parse(`${listening}services: { a: { to: 1, at: a.x }, b: { to: 2, at: b.x, access: [{ link: {} }] } }`, '/x/y'),
    'y',
  );
  assert.throws(() => compile(config, changed), { code: 'user-missing' });
  assert.deepEqual([built, opened.length, closed], [1, 1, ['http']]);
});
