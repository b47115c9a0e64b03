/** Rules, routes and places, from the text of a configuration to what is decided. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Guard } from '../../contracts/guard.ts';
import { defineUpstream, type Upstream } from '../../contracts/upstream.ts';
import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { limitsWith } from '../../core/limits.ts';
import { fieldOf } from '../../core/http/fields.ts';
import { canonicalPath } from '../../core/http/path.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { judge, type Outcome } from '../../core/policy/judge.ts';
import { compile } from './compile.ts';
import { configOrThrow, configParser } from './parse.ts';

const field = 'x-me';

/** Lets in who says in `X-Me` who they are: `ana` or `ana/editor`. */
function whoever(name: string): Guard<unknown> {
  return defineGuard<unknown>({
    name,
    stage: 'identify',
    options: z.record(z.string(), z.unknown()),
    build: () => ({
      check: ({ http }) => {
        const said = http?.fields.find(({ lower }) => lower === field)?.value;
        if (said === undefined) return { is: 'challenge', code: 'credentials-missing', why: 'nothing shown', answer: null };
        const [user = '', ...roles] = said.split('/');
        return { is: 'pass', identity: { guard: name, subject: `user:${user}`, name: user, by: 'session', roles } };
      },
      knows: () => true,
      words: name,
    }),
  });
}

const anyone = { guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] } as const;
const open = defineGuard<unknown>({
  name: 'public',
  stage: 'identify',
  options: z.record(z.string(), z.unknown()),
  build: () => ({ check: () => ({ is: 'pass', identity: anyone }), words: 'anyone' }),
});
const guards = [open, whoever('password')];
const parser = configParser(guards);

function upstream(name: string): Upstream<unknown> {
  const reply = { status: 200, fields: [], body: null };
  const build = (options: unknown) => ({
    open: () => ({ is: 'reply', reply }) as const,
    words: `${name} ${JSON.stringify(options)}`,
    close: async () => {},
  });
  return defineUpstream<unknown>({ name, options: z.unknown(), build });
}

function compiled(services: string, relay: 'network' | null = null) {
  const text = `listen: https://127.0.0.1:8443\nservices:\n${services}`;
  const config = configOrThrow(parser.parse(text, '/x/sallyport.yaml'), 'sallyport.yaml');
  return compile(config, {
    guards: new Map(guards.map((each) => [each.name, each])),
    upstreams: new Map(['http', 'folder', 'redirect', 'respond'].map((name) => [name, upstream(name)])),
    tools: {
      limits: limitsWith({}),
      now: () => 0,
      users: { find: (name: string) => ({ roles: name === 'kim' ? ['editor'] : [] }) },
    } as unknown as Tools,
    ways: { relay, machine: [] },
    namesOf: ({ at }) => at,
    isOpen: () => true,
    openedAt: () => 0,
    version: 1,
    checkNonce: 'n',
    platform: 'linux',
  });
}

type Asked = Readonly<{
  method?: string;
  target?: string;
  me?: string | null;
  host?: string;
  ip?: string;
  fields?: Readonly<Record<string, string>>;
}>;

function exchange({ method = 'GET', target = '/', me = null, host = 'x.org', ip = '192.0.2.7', fields = {} }: Asked): Exchange {
  const authority = { host, port: null };
  const path = target === '*' ? null : canonicalPath(target);
  const sent = Object.entries(me === null ? fields : { ...fields, [field]: me }).map(([name, value]) => fieldOf(name, value));
  return {
    id: 'x',
    at: 0,
    listener: { name: 'x', scheme: 'https', port: 443, via: 'direct', loopback: false },
    from: { ip, port: 1 },
    host,
    sni: null,
    identity: null,
    http: {
      method,
      target,
      path,
      minor: 1,
      fields: sent,
      authority,
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
    },
  };
}

type Decided = Readonly<{ said: string; route: string; words: string }>;

function decider(services: string): (asked: Asked) => Decided {
  const { snapshot } = compiled(services);
  return (asked) => {
    const one = exchange(asked);
    const route = snapshot.route(one);
    if (route === null) return { said: 'nobody', route: '', words: '' };
    const outcome = judge(one, route, async () => null) as Outcome;
    return { said: outcome.is === 'admit' ? 'admit' : outcome.code, route: route.name, words: route.service.words };
  };
}

const blog = `  blog:
    at: x.org
    to: 3000
    firewall: off
    access: [{ password: {} }]
    roles: { ana: editor, eve: [editor, guest] }
    rules:
      - { match: { path: /api/** }, deny: { role: guest } }
      - { match: { path: /admin/** }, allow: { role: editor } }
      - { match: { path: /private/** }, deny: anyone }
      - { match: { method: [GET, HEAD] }, allow: anyone }
      - otherwise: signed-in
`;

test('the first rule that matches decides, and the last word is the last', () => {
  const decide = decider(blog);
  const said = (asked: Asked): string => decide(asked).said;
  assert.equal(said({ target: '/' }), 'admit');
  assert.equal(said({ target: '/', method: 'POST' }), 'credentials-missing');
  assert.equal(said({ target: '/', method: 'POST', me: 'ben' }), 'admit');
  for (const target of ['/admin', '/admin/', '/admin/x', '/%61dmin/x']) {
    assert.equal(said({ target }), 'credentials-missing', target);
    assert.equal(said({ target, me: 'ben' }), 'rule-denied', target);
    assert.equal(said({ target, me: 'ana' }), 'admit', target);
    assert.equal(said({ target, me: 'ben/editor' }), 'admit', target);
  }
  assert.equal(said({ target: '/administrator' }), 'admit');
  assert.equal(said({ target: '/private/x' }), 'credentials-missing', 'a stranger is not told of the rule');
  assert.equal(said({ target: '/private/x', me: 'ana' }), 'rule-denied');
  // A rule that stops some before one for anyone: then it must be known who asks.
  assert.equal(said({ target: '/api/x' }), 'credentials-missing');
  assert.equal(said({ target: '/api/x', me: 'ben' }), 'admit');
  assert.equal(said({ target: '/api/x', me: 'eve' }), 'rule-denied');
});

test('what a rule cannot read is refused, and a stranger sees what they see always', () => {
  const decide = decider(blog);
  for (const target of ['/admin;x/y', '/x/..;/admin', '/x/%2e%2e/admin', '//admin', '/admin%2f..', '/%61dmin%00', '/api%2fx']) {
    assert.equal(decide({ target, me: 'ana' }).said, 'request-ambiguous', target);
    assert.equal(decide({ target }).said, 'credentials-missing', target);
  }
  // No rule depends on it: every reading says the same.
  for (const target of ['/public//x', '/public/a%2fb', '/public/%25', '/public/x;y'])
    assert.equal(decide({ target }).said, 'admit', target);
});

test('attack: path confusion: path-acl.json, no spelling of /admin goes past its rule', () => {
  type Vector = Readonly<{ target: string; expect: string }>;
  const vectors = JSON.parse(readFileSync(new URL('../../../test/vectors/path-acl.json', import.meta.url), 'utf8')) as readonly Vector[];
  const decide = decider(`  a:
    at: x.org
    to: 1
    firewall: off
    access: [{ password: {} }]
    rules:
      - { match: { path: [/admin/**, '/admin.*'] }, allow: { role: admin } }
      - { match: { path: '/**' }, allow: anyone }
      - otherwise: deny
`);
  for (const { target, expect } of vectors) {
    if (!target.startsWith('/')) continue;
    const { said } = decide({ target, me: 'ben' });
    if (expect === 'allow') assert.equal(said, 'admit', target);
    if (expect === 'deny-or-400') assert.notEqual(said, 'admit', target);
  }
});

test('routes lead elsewhere by match, each with every rule before it', () => {
  const decide = decider(`  a:
    at: x.org
    to: 1000
    firewall: off
    access: [{ password: {} }]
    routes:
      - { match: { path: /api/**, header: { x-version: '2*' } }, to: 2000 }
      - { match: { path: /api/** }, to: 3000 }
      - { match: { query: { old: true } }, to: 'redirect:https://old.example.org/{path}' }
      - { match: { path: /health }, to: { respond: 200, text: ok } }
      - { match: { from: [10.0.0.0/8] }, dir: ./inside }
    rules:
      - { match: { path: /health }, allow: anyone }
      - otherwise: signed-in
`);
  const words = (asked: Asked): string => decide({ me: 'ana', ...asked }).words;
  assert.match(words({ target: '/' }), /"port":1000/);
  assert.match(words({ target: '/api/x' }), /"port":3000/);
  assert.match(words({ target: '/api/x', fields: { 'X-Version': '2.1' } }), /"port":2000/);
  assert.match(words({ target: '/?old' }), /redirect/);
  assert.match(words({ ip: '10.1.2.3' }), /inside/);
  assert.equal(decide({ target: '/health' }).said, 'admit');
  assert.match(decide({ target: '/health' }).words, /respond/);
  assert.equal(decide({ target: '/api/x' }).said, 'credentials-missing');
  // The route is not clear, so nobody is led anywhere.
  assert.equal(decide({ target: '/x/..%2fapi', me: 'ana' }).said, 'request-ambiguous');
  assert.equal(decide({ target: '/', me: 'ana', fields: { X_Version: '2' } }).said, 'admit');
  assert.equal(decide({ target: '/api', me: 'ana', fields: { X_Version: '2' } }).said, 'request-ambiguous');
});

test('services share a name by paths, the deeper before the shallower', () => {
  const decide = decider(`  a: { at: x.org, to: 1000, firewall: off, access: [{ password: {} }] }
  b: { at: x.org/api, to: 2000, firewall: off, access: [public] }
  c: { at: [x.org/api/v2, y.org/c], to: 3000, firewall: off, access: [public] }
`);
  const port = (asked: Asked): string => /"port":(\d+)/.exec(decide(asked).words)?.[1] ?? decide(asked).said;
  assert.equal(port({ target: '/' }), '1000');
  assert.equal(port({ target: '/apiary' }), '1000');
  assert.equal(port({ target: '/api' }), '2000');
  assert.equal(port({ target: '/api/v1?x' }), '2000');
  assert.equal(port({ target: '/api/v2/x' }), '3000');
  assert.equal(port({ target: '/c', host: 'y.org' }), '3000');
  assert.equal(port({ target: '/', host: 'y.org' }), 'nobody');
  assert.equal(port({ target: '*', method: 'OPTIONS' }), '1000');
  assert.equal(decide({ target: '/x/..;/api' }).said, 'request-ambiguous');
  // Signing in is one for all of them.
  assert.equal(decide({ target: '/.sallyport/login' }).route, 'a/unreadable');
});

test('credential leak: a password that a browser adds by itself is not heard by a service that anyone may ask', () => {
  const { snapshot } = compiled(blog);
  const spent = (fields: Readonly<Record<string, string>>): readonly string[] => {
    const one = exchange({ fields });
    const route = snapshot.route(one);
    assert.ok(route !== null);
    const outcome = judge(one, route, async () => null) as Outcome;
    return outcome.is === 'admit' ? outcome.spent : ['refused'];
  };
  assert.deepEqual(spent({}), []);
  assert.deepEqual(spent({ Authorization: 'Basic YTpi' }), ['authorization']);
  assert.deepEqual(spent({ Authorization: 'Bearer of-the-service' }), []);
  assert.deepEqual(spent({ Authorization: 'Basic YTpi', 'Sallyport-Authorization': 'Basic YTpi' }), []);
});

test('explain names the rule in words', async () => {
  const { answer } = compiled(blog);
  const ask = (url: string, as: string | null, method = 'GET') => answer({ url, method, from: '192.0.2.7', as });
  const denied = await ask('https://x.org/admin/x', 'ben');
  assert.equal(denied.verdict, 'refuse');
  assert.equal(denied.code, 'rule-denied');
  assert.equal(denied.rule, 'rule 2: path /admin/**: allow role editor');
  assert.equal((await ask('https://x.org/admin/x', 'ana')).verdict, 'admit');
  assert.equal((await ask('https://x.org/admin/x', 'kim')).verdict, 'admit', 'a role of everywhere counts');
  assert.equal((await ask('https://x.org/', null)).verdict, 'admit');
  assert.equal((await ask('https://x.org/', null, 'POST')).verdict, 'ask');
  assert.match((await ask('https://x.org/', 'ben', 'POST')).steps.join('\n'), /otherwise signed-in/);
});

test('rules before which nobody signs in are refused', () => {
  const rules = 'rules: [{ match: { path: /a }, allow: { role: x } }, { otherwise: deny }]';
  assert.throws(() => compiled(`  a: { at: x.org, to: 1, access: [public], ${rules} }`), /expected who can sign in/);
});

test('a rule that asks for an address alone is warned about behind a relay', () => {
  const rules = (allow: string) =>
    `  a: { at: x.org, to: 1, firewall: off, access: [{ password: {} }], rules: [{ match: { not: { from: 10.0.0.0/8 } }, allow: ${allow} }, { otherwise: deny }] }`;
  assert.deepEqual(
    compiled(rules('anyone'), 'network').warnings.map(({ code }) => code),
    ['address-alone'],
  );
  assert.deepEqual(compiled(rules('signed-in'), 'network').warnings, []);
  assert.deepEqual(compiled(rules('anyone')).warnings, []);
});
