/** How a configuration is read, and how its mistakes are told. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as holds, constantFrom, property } from 'fast-check';
import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Guard } from '../../contracts/guard.ts';
import { configOrThrow, configParser, problemWords } from './parse.ts';

function guard(name: string, options: z.ZodType): Guard<unknown> {
  return defineGuard({ name, stage: 'identify', options, build: () => ({ check: () => ({ is: 'skip' }), words: name }) });
}

const { parse, jsonSchema } = configParser([
  guard('public', z.strictObject({})),
  guard('link', z.strictObject({})),
  guard('password', z.strictObject({ users: z.array(z.string()).min(1).optional() })),
  guard('ip', z.strictObject({ allow: z.array(z.string()).min(1) })),
]);

function said(text: string): string {
  const parsed = parse(text, '/home/ana/sallyport.yaml');
  return parsed.ok ? 'ok' : parsed.problems.map((problem) => problemWords(problem, 'sallyport.yaml')).join('\n');
}

test('reads a whole configuration into plain values', () => {
  const parsed = parse(
    [
      'relay: Relay.Example.org:8443',
      'listen: [https://0.0.0.0:443, "http://[::1]:8080"]',
      'network: shared',
      'certificates: [certs, { cert: /etc/blog.crt, key: keys/blog.key }, { cert: both.pem, default: true }]',
      'tls: modern',
      'hsts: subdomains',
      'services:',
      '  blog:',
      '    at: [Blog.Example.org., bücher.example]',
      '    to: http://127.0.0.1:4334',
      '    access: [{ password: { users: [ana] }, ip: { allow: [192.0.2.0/24] } }, link: {}]',
      '    rewritehost: true',
      '    expires: 2027-01-31T18:00:00Z',
      '  site: { at: 192.168.1.5, dir: ./site, indexes: true, access: [public], for: 2h }',
      'limits: { headBytesMax: 32768 }',
    ].join('\n'),
    '/home/ana/sallyport.yaml',
  );
  assert.deepEqual(configOrThrow(parsed, 'x'), {
    relays: ['relay.example.org:8443'],
    via: null,
    listen: [
      { scheme: 'https', host: '0.0.0.0', port: 443 },
      { scheme: 'http', host: '::1', port: 8080 },
    ],
    network: 'shared',
    local: null,
    plainHttp: 'refuse',
    tls: {
      policy: 'modern',
      certificates: [
        { is: 'path', path: '/home/ana/certs' },
        { is: 'pair', cert: '/etc/blog.crt', key: '/home/ana/keys/blog.key' },
        { is: 'pair', cert: '/home/ana/both.pem', key: '/home/ana/both.pem', isDefault: true },
      ],
      hsts: 'subdomains',
    },
    services: [
      {
        name: 'blog',
        at: ['blog.example.org', 'xn--bcher-kva.example'],
        behind: { is: 'http', host: '127.0.0.1', port: 4334 },
        access: [
          [
            { guard: 'password', options: { users: ['ana'] } },
            { guard: 'ip', options: { allow: ['192.0.2.0/24'] } },
          ],
          [{ guard: 'link', options: {} }],
        ],
        firewall: 'on',
        from: null,
        rewriteHost: { to: 'target' },
        proxy: null,
        rawHeaders: false,
        expires: Date.UTC(2027, 0, 31, 18),
        forMs: null,
      },
      {
        name: 'site',
        at: ['192.168.1.5'],
        behind: { is: 'folder', path: '/home/ana/site', indexes: true },
        access: [[{ guard: 'public', options: {} }]],
        firewall: 'on',
        from: null,
        rewriteHost: { to: 'keep' },
        proxy: null,
        rawHeaders: false,
        expires: null,
        forMs: 7_200_000,
      },
    ],
    acme: null,
    limits: { headBytesMax: 32_768 },
  });
});

test('is safe when nothing is said: hostile network, firewall on, access by the preset', () => {
  const config = configOrThrow(parse('services: { web: { to: 3000 } }', '/x/sallyport.yaml'), 'x');
  assert.equal(config.network, 'hostile');
  assert.equal(config.services[0]?.access, null);
  assert.equal(config.services[0]?.firewall, 'on');
});

const golden: readonly (readonly [title: string, text: string, said: string])[] = [
  [
    'a wrong port',
    'services:\n  blog:\n    to: 70000\n',
    'sallyport.yaml, line 3, column 9: services.blog.to: found 70000, expected a port from 1 to 65535',
  ],
  [
    'port zero',
    'services: { blog: { to: 0 } }',
    'sallyport.yaml, line 1, column 25: services.blog.to: found 0, expected a port from 1 to 65535',
  ],
  [
    'a wrong port in a URL',
    'services: { blog: { to: "http://127.0.0.1:99999" } }',
    'sallyport.yaml, line 1, column 25: services.blog.to: found "http://127.0.0.1:99999", expected a port from 1 to 65535',
  ],
  [
    'a URL with a path',
    'services: { blog: { to: "http://127.0.0.1:80/x" } }',
    'sallyport.yaml, line 1, column 25: services.blog.to: found "http://127.0.0.1:80/x", expected a port or http://HOST:PORT, without path, user or query',
  ],
  [
    'another scheme',
    'services: { ssh: { to: "ftp://127.0.0.1:21" } }',
    'sallyport.yaml, line 1, column 24: services.ssh.to: found "ftp://127.0.0.1:21", expected http, https, h2c, h2, tls, tcp or udp before ://',
  ],
  [
    'a wrong type',
    'services:\n  blog:\n    to: true\n',
    'sallyport.yaml, line 3, column 9: services.blog.to: found true, expected a port or a URL like http://127.0.0.1:3000',
  ],
  [
    'an unknown key with a neighbour',
    'services:\n  blog:\n    to: 3000\n    acess: [public]\n',
    'sallyport.yaml, line 4, column 5: services.blog.acess: unknown key, did you mean access?',
  ],
  [
    'an unknown key on top',
    'servcies: {}\nservices: { a: { to: 1 } }',
    'sallyport.yaml, line 1, column 1: servcies: unknown key, did you mean services?',
  ],
  [
    'an unknown guard',
    'services: { a: { to: 1, access: [{ pasword: {} }] } }',
    'sallyport.yaml, line 1, column 36: services.a.access[0].pasword: unknown key, did you mean password?',
  ],
  [
    'an unknown option of a guard',
    'services: { a: { to: 1, access: [{ password: { user: [ana] } }] } }',
    'sallyport.yaml, line 1, column 48: services.a.access[0].password.user: unknown key, did you mean users?',
  ],
  [
    'a password in the file, which is not repeated',
    'services: { a: { to: 1, access: [{ password: hunter2 }] } }',
    'sallyport.yaml, line 1, column 46: services.a.access[0].password: found a text, expected a map of settings',
  ],
  [
    'an empty user list',
    'services:\n  a:\n    to: 1\n    access: [{ password: { users: [] } }]',
    'sallyport.yaml, line 4, column 35: services.a.access[0].password.users: found an empty list, expected at least 1 entries',
  ],
  [
    'an empty access list',
    'services: { a: { to: 1, access: [] } }',
    'sallyport.yaml, line 1, column 33: services.a.access: found an empty list, expected at least one entry; [public] opens it to everyone',
  ],
  [
    'a guard without options',
    'services: { a: { to: 1, access: [password] } }',
    'sallyport.yaml, line 1, column 34: services.a.access[0]: found "password", expected public, or a guard with its options, like password: {}',
  ],
  [
    'access that is a word',
    'services: { a: { to: 1, access: public } }',
    'sallyport.yaml, line 1, column 33: services.a.access: found "public", expected a list like [{ password: {} }]: any one of its entries admits',
  ],
  ['a tab', 'services:\n\tblog:\n', 'sallyport.yaml, line 2, column 1: found a tab, expected spaces: YAML cannot be indented with tabs'],
  [
    'a duplicate key',
    'services:\n  a: { to: 1 }\n  a: { to: 2 }\n',
    'sallyport.yaml, line 3, column 3: found this key a second time, expected it once',
  ],
  [
    'broken YAML',
    'services:\n  a: { to: 1\n  b: 2',
    'sallyport.yaml, line 3, column 3: this is not YAML: flow map in block collection must be sufficiently indented and end with a }',
  ],
  ['an empty file', '', 'sallyport.yaml, line 1, column 1: the file: found nothing, expected settings like services: and relay:'],
  [
    'no services',
    'relay: relay.example.org',
    'sallyport.yaml, line 1, column 1: services: found nothing, expected services by name, like blog: { to: 3000 }',
  ],
  [
    'an empty services map',
    'services: {}',
    'sallyport.yaml, line 1, column 11: services: found no service, expected at least one, like blog: { to: 3000 }',
  ],
  [
    'a service without anything behind',
    'services: { a: { access: [public] } }',
    'sallyport.yaml, line 1, column 16: services.a: found neither to nor dir, expected one of them',
  ],
  [
    'to and dir',
    'services: { a: { to: 1, dir: . } }',
    'sallyport.yaml, line 1, column 30: services.a.dir: found both to and dir, expected one of them',
  ],
  [
    'indexes of a port',
    'services: { a: { to: 1, indexes: true } }',
    'sallyport.yaml, line 1, column 34: services.a.indexes: found it beside to, expected it beside dir only',
  ],
  [
    'two services of one name',
    'services: { a: { to: 1, at: x.org }, b: { to: 2, at: [y.org, X.org.] } }',
    'sallyport.yaml, line 1, column 62: services.b.at: found x.org, which belongs to services.a (line 1), expected one service a place',
  ],
  [
    'several services behind one address without names',
    'listen: https://0.0.0.0:443\nservices: { a: { to: 1, at: x.org }, b: { to: 2 } }',
    'sallyport.yaml, line 2, column 41: services.b: found no at, expected one: several services share these addresses and are told apart by their names',
  ],
  [
    'a wrong network',
    'network: open\nservices: { a: { to: 1 } }',
    'sallyport.yaml, line 1, column 10: network: found "open", expected one of trusted, shared, hostile',
  ],
  [
    'a listening name',
    'listen: https://example.org\nservices: { a: { to: 1 } }',
    'sallyport.yaml, line 1, column 9: listen: found "https://example.org", expected http://ADDRESS:PORT or https://ADDRESS:PORT, like https://0.0.0.0:443',
  ],
  [
    'a service name that is no label',
    'services: { My_Blog: { to: 1 } }',
    'sallyport.yaml, line 1, column 13: services: found "My_Blog", expected a name of small letters, digits and hyphens, 63 at most, like blog',
  ],
  [
    'a span without a unit',
    'services: { a: { to: 1, for: 2 } }',
    'sallyport.yaml, line 1, column 30: services.a.for: found 2, expected a time like 30m, 2h or 7d, or never',
  ],
  [
    'a day that does not exist',
    'services: { a: { to: 1, expires: 2027-02-30T00:00:00Z } }',
    'sallyport.yaml, line 1, column 34: services.a.expires: found "2027-02-30T00:00:00Z", expected a time like 2027-01-31T18:00:00Z, or never',
  ],
  [
    'an unknown limit',
    'services: { a: { to: 1 } }\nlimits: { headBytes: 3 }',
    `sallyport.yaml, line 2, column 11: limits.headBytes: unknown key, expected one of`,
  ],
  [
    'a wildcard',
    'services: { a: { to: 1, at: "*.example.org" } }',
    'sallyport.yaml, line 1, column 29: services.a.at: found "*.example.org", expected a name like blog.example.org',
  ],
  [
    'an alias bomb',
    `a: &a [x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`,
    'sallyport.yaml, line 1, column 1: this is not YAML: excessive alias count indicates a resource exhaustion attack',
  ],
  ['a loop', 'services: &s { a: *s }', 'sallyport.yaml, line 1, column 19: found *s inside of itself, expected no loop'],
  ['an alias of nothing', 'services: *s', 'sallyport.yaml, line 1, column 11: found *s, expected an anchor &s before it'],
  [
    'the key __proto__',
    'services: { __proto__: { to: 1 } }',
    'sallyport.yaml, line 1, column 13: found the key __proto__, expected another name',
  ],
  [
    'a second document',
    'services: { a: { to: 1 } }\n---\nservices: {}',
    'sallyport.yaml, line 2, column 1: found a second document after ---, expected one',
  ],
  ['a tag', 'services: !!js/function x', 'sallyport.yaml, line 1, column 11: this is not YAML: unresolved tag'],
];

for (const [title, text, sentence] of golden) {
  test(`names ${title} with line, column, what was found and what was expected`, () => {
    const found = said(text);
    assert.equal(found.slice(0, sentence.length), sentence);
    assert.equal(found.includes('\n'), false, found);
  });
}

test('names every mistake, in the order of the text', () => {
  assert.deepEqual(said('network: x\nservices:\n  a: { to: 0, foo: 1 }\n').split('\n'), [
    'sallyport.yaml, line 1, column 10: network: found "x", expected one of trusted, shared, hostile.',
    'sallyport.yaml, line 3, column 12: services.a.to: found 0, expected a port from 1 to 65535.',
    `sallyport.yaml, line 3, column 15: services.a.foo: unknown key, did you mean for?`,
  ]);
});

test('throws the first mistake with the code config-malformed and the way to see all', () => {
  assert.throws(() => configOrThrow(parse('network: x\nservices: {}', 'a.yaml'), 'a.yaml'), {
    code: 'config-malformed',
    message: 'a.yaml, line 1, column 10: network: found "x", expected one of trusted, shared, hostile.',
    hint: 'See every mistake: sallyport config check a.yaml',
  });
});

test('refuses a text nested deeper than a stack without falling over', () => {
  assert.match(said(`services: ${'['.repeat(100_000)}`), /^sallyport\.yaml, line 1, column \d+: /);
});

test('reads any text to a plan or to problems, never to an exception', () => {
  const word = constantFrom(
    'services',
    'a',
    'to',
    'access',
    'public',
    ':',
    ' ',
    '\n  ',
    '[',
    ']',
    '{',
    '}',
    '- ',
    '*a',
    '&a',
    '3000',
    '"',
    '\t',
    '#',
    '\u0000',
    '__proto__',
    'constructor',
  );
  holds(
    property(array(word, { maxLength: 30 }), (words) => {
      const parsed = parse(words.join(''), 'x.yaml');
      assert.equal(parsed.ok || parsed.problems.length > 0, true);
    }),
    { numRuns: 500 },
  );
});

test('the JSON Schema knows the guards and refuses unknown keys', () => {
  const schema = JSON.stringify(jsonSchema());
  assert.match(schema, /"additionalProperties":false/);
  assert.match(schema, /"password":\{/);
});
