/** A relay's file: what it says, and its mistakes with line and column. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOrThrow, problemWords } from './file-parser.ts';
import { relayParser } from './relay-file.ts';

const parser = relayParser();
const mistakes = (text: string): readonly string[] => {
  const parsed = parser.parse(text, '/etc/relay.yaml');
  return parsed.ok ? [] : parsed.problems.map((problem) => problemWords(problem, 'relay.yaml'));
};

test('a relay’s file says the same in the same words as sallyport.yaml', () => {
  const text = `
domain: Example.org
listen: [https://0.0.0.0:443, 'https://[::]:443', http://0.0.0.0]
address: relay.example.org
certificate: tls/relay.pem
key: /etc/relay.key
drain: 1h30m
ownDomains: 10
resolvers: [192.0.2.53, '[2001:db8:0::53]:5353']
limits: { connectionsPerAddressMax: 500 }
`;
  assert.deepEqual(configOrThrow(parser.parse(text, '/etc/relay.yaml'), 'relay.yaml'), {
    domain: 'example.org',
    listen: [
      { scheme: 'https', host: '0.0.0.0', port: 443 },
      { scheme: 'https', host: '::', port: 443 },
      { scheme: 'http', host: '0.0.0.0', port: 80 },
    ],
    address: 'relay.example.org:443',
    files: { certificate: '/etc/tls/relay.pem', key: '/etc/relay.key' },
    terminate: [],
    firewall: true,
    user: null,
    drainMs: 5_400_000,
    ownDomains: { perGateway: 10, servers: ['192.0.2.53', '[2001:db8::53]:5353'] },
    limits: { connectionsPerAddressMax: 500 },
  });
});

test('what the file leaves out is left to the words of the command', () => {
  assert.deepEqual(configOrThrow(parser.parse('limits: {}', '/etc/relay.yaml'), 'relay.yaml'), {
    domain: null,
    listen: null,
    address: null,
    files: null,
    terminate: [],
    firewall: true,
    user: null,
    drainMs: null,
    ownDomains: null,
    limits: {},
  });
});

test('whose TLS ends at the relay: names alone with its own certificate, or entries with their own', () => {
  const text =
    'certificate: a.pem\nkey: a.key\nfirewall: off\nterminate: [Shop.example.org, { names: ["*.b.example.org"], certificate: b.pem, key: /b.key }]';
  const config = configOrThrow(parser.parse(text, '/etc/relay.yaml'), 'relay.yaml');
  assert.equal(config.firewall, false);
  assert.deepEqual(config.terminate, [
    { names: ['shop.example.org'], certificate: '/etc/a.pem', key: '/etc/a.key' },
    { names: ['*.b.example.org'], certificate: '/etc/b.pem', key: '/b.key' },
  ]);
});

const wrong: readonly (readonly [text: string, ...sentences: string[]])[] = [
  ['domian: example.org', 'relay.yaml, line 1, column 1: domian: unknown key, did you mean domain?'],
  ['ownDomains: 0', 'relay.yaml, line 1, column 13: ownDomains: found 0, expected a number of names, 1 to 999.'],
  [
    'resolvers: [192.0.2.53]',
    'relay.yaml, line 1, column 12: resolvers: found no ownDomains beside it, expected how many one gateway may have.',
  ],
  [
    'ownDomains: 1\nresolvers: [dns.example.org]',
    'relay.yaml, line 2, column 13: resolvers[0]: found "dns.example.org", expected an address like 192.0.2.53.',
  ],
  ['domain: localhost', 'relay.yaml, line 1, column 9: domain: found "localhost", expected a domain like example.org.'],
  ['domain: 192.0.2.1', 'relay.yaml, line 1, column 9: domain: found "192.0.2.1", expected a domain like example.org.'],
  [
    'domain: example.org\nlisten: [0.0.0.0]',
    'relay.yaml, line 2, column 10: listen[0]: found "0.0.0.0", expected http://ADDRESS:PORT or https://ADDRESS:PORT, like https://0.0.0.0:443.',
  ],
  ['listen: []', 'relay.yaml, line 1, column 9: listen: found an empty list, expected at least one address.'],
  [
    'listen: http://0.0.0.0:80',
    'relay.yaml, line 1, column 9: listen: found no https:// address, expected at least one: visitors and gateways come there.',
  ],
  ['certificate: a.pem', 'relay.yaml, line 1, column 14: certificate: found no key beside it, expected both.'],
  ['key: a.pem', 'relay.yaml, line 1, column 6: key: found no certificate beside it, expected both.'],
  [
    'terminate: [shop.example.org]',
    'relay.yaml, line 1, column 12: terminate: found a name alone and no certificate: at the top, expected it, or { names, certificate, key }',
  ],
  ["certificate: a\nkey: b\nterminate: ['*.org']", 'relay.yaml, line 3, column 13: terminate[0]: found "*.org", expected '],
  ['drain: never', 'relay.yaml, line 1, column 8: drain: found never, expected a time like 15m.'],
  [
    'limits: { connectionsMaxx: 1, headMs: 0 }',
    'relay.yaml, line 1, column 11: limits.connectionsMaxx: unknown key, did you mean connectionsMax?',
    'relay.yaml, line 1, column 39: limits.headMs: found 0, expected a number of at least 1.',
  ],
  ['limits: { connectionsMax: many }', 'relay.yaml, line 1, column 27: limits.connectionsMax: found "many", expected a whole number.'],
  ['services: {}', 'relay.yaml, line 1, column 1: services: unknown key, expected one of '],
];

for (const [text, ...sentences] of wrong) {
  test(`${JSON.stringify(text)} is refused with its place and what was expected`, () => {
    const found = mistakes(text);
    assert.equal(found.length, sentences.length);
    sentences.forEach((sentence, index) => assert.equal(found[index]?.startsWith(sentence), true, String(found[index])));
  });
}
