/** Where links, short codes and codes by mail make no sense they are refused by name: in a proxy, and before what is no HTTP. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../../cli/configuration.ts';
import { configOrThrow } from './parse.ts';
import { proxyWarnings } from './proxy.ts';

const mail = 'mail: { smtp: "smtps://mail.example.org", from: gate@example.org }\n';

function sentences(service: string): string {
  const parsed = parser.parse(`${mail}services:\n  a: ${service}\n`, '/x/sallyport.yaml');
  return parsed.ok ? '' : parsed.problems.map(({ sentence }) => sentence).join('\n');
}

test('a link, a pin and a code by mail are refused by name where nobody could use them', () => {
  const guards = ['{ link: {} }', '{ pin: {} }', '{ email: { allow: [ana@example.org] } }'] as const;
  for (const guard of guards) {
    const [, name = ''] = /^\{ (\w+)/.exec(guard) ?? [];
    const refused = [
      `{ to: "tls://127.0.0.1:8443", at: a.example.org, access: [${guard}] }`,
      `{ to: "tcp://127.0.0.1:22", port: 2222, access: [${guard}] }`,
      ...(name === 'link' ? [] : [`{ to: "tcp://127.0.0.1:22", access: [${guard}] }`]),
    ];
    for (const service of refused) assert.match(sentences(service), new RegExp(`\\b${name}\\b`), service);
    const proxy = `services:\n  a: { proxy: { http: true, listen: "https://0.0.0.0:8443" }, access: [${guard}], destinations: { allow: ["*.example.org"] } }\n`;
    const [plan] = configOrThrow(parser.parse(`${mail}${proxy}`, '/x/sallyport.yaml'), 'sallyport.yaml').services;
    assert.ok(plan);
    assert.throws(() => proxyWarnings(plan), new RegExp(`${name} cannot be asked before a proxy`));
    assert.equal(sentences(`{ to: 3000, access: [${guard}] }`), '');
  }
});

test('options that are none are named, with what is expected', () => {
  for (const [access, words] of [
    ['[{ email: {} }]', /allow/],
    ['[{ email: { allow: [] } }]', /addresses and domains/],
    ['[{ email: { allow: [ana] } }]', /addresses and domains/],
    ['[{ email: { allow: ["*"] } }]', /addresses and domains/],
    ['[{ email: { allow: ["*@*"] } }]', /addresses and domains/],
    ['[{ email: { allow: ["*@example"] } }]', /addresses and domains/],
    ['[{ pin: { roles: [Gäste] } }]', /roles in small letters/],
    ['[{ pin: { code: 482199 } }]', /code/],
    ['[{ password: { htpasswd: users } }]', /absolute path/],
    ['[{ link: { once: true } }]', /once/],
  ] as const)
    assert.match(sentences(`{ to: 3000, access: ${access} }`), words, access);
});
