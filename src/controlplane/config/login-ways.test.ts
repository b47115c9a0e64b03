/** Entries of `access` with several factors: how they are read, and which are refused. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../../cli/configuration.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { guards } from '../../registry.ts';
import { buildAccess } from './access.ts';
import { wayOf } from './login-ways.ts';
import { problemWords } from './parse.ts';
import type { Access } from './plan.ts';

function read(access: string): Access | string {
  const parsed = parser.parse(`services:\n  blog:\n    to: 3000\n    access: ${access}\n`, 'sallyport.yaml');
  return parsed.ok
    ? (parsed.config.services[0]?.access ?? [])
    : parsed.problems.map((problem) => problemWords(problem, 'sallyport.yaml')).join('; ');
}

const names = (access: Access | string): unknown =>
  typeof access === 'string' ? access : access.map((uses) => uses.map(({ guard }) => guard).join(' '));

test('allOf and anyOf come to entries, however they are nested', () => {
  for (const [written, entries] of [
    ['[{ password: {}, totp: {} }]', ['password totp']],
    ['[{ allOf: [{ password: {} }, { totp: {} }] }]', ['password totp']],
    ['[{ allOf: [{ totp: {} }, { password: {} }] }]', ['totp password']],
    ['[{ anyOf: [{ password: {} }, { passkey: {} }] }]', ['password', 'passkey']],
    ['[{ allOf: [{ password: {} }, { anyOf: [{ totp: {} }, { passkey: {} }] }] }]', ['password totp', 'password passkey']],
    ['[{ ip: [192.0.2.0/24], anyOf: [{ password: {} }, { passkey: {} }] }]', ['ip password', 'ip passkey']],
    ['[{ anyOf: [{ allOf: [{ password: {} }, { totp: {} }] }, { passkey: {} }] }, { key: {} }]', ['password totp', 'passkey', 'key']],
  ] as const)
    assert.deepEqual(names(read(written)), entries, written);
});

test('what is asked for first does not go by the order in the file', () => {
  const access = read('[{ allOf: [{ totp: {} }, { password: {} }] }]');
  assert.deepEqual(typeof access === 'string' ? access : access.map(wayOf), [['password', 'totp']]);
});

test('what cannot be is refused, where it stands', () => {
  const many = Array.from({ length: 5 }, () => '{ anyOf: [{ password: {} }, { link: {} }] }').join(', ');
  for (const [written, words] of [
    ['[{ allOf: [] }]', /access\[0\]\.allOf: found an empty list, expected at least one entry/],
    ['[{ allOf: password }]', /access\[0\]\.allOf: found "password", expected a list of guards/],
    ['[{ allOf: [{ pasword: {} }] }]', /access\[0\]\.allOf\[0\]\.pasword: unknown key, did you mean password\?/],
    ['[{ allOf: [{}] }]', /access\[0\]\.allOf\[0\]: found a map, expected/],
    ['[{ allof: [{ password: {} }] }]', /unknown key, did you mean allOf\?/],
    ['[{ allOf: [public] }]', /access\[0\]\.allOf\[0\]/],
    [`[{ allOf: [${many}] }]`, /at most 16 combinations/],
    ['[{ totp: { users: [] } }]', /totp\.users/],
  ] as const)
    assert.match(String(names(read(written))), words, written);
});

test('factors that nobody could show together refuse to start', async () => {
  const tools = await testTools();
  await tools.people.logins.codes.enrol('ana', tools.people.logins.codes.newSecret());
  const build = (written: string) => {
    const access = read(written);
    assert.ok(typeof access !== 'string');
    return buildAccess(access, false, guards, tools, { name: 'blog', hosts: ['blog.example.test'], behindRelay: false, door: 'blog' });
  };
  for (const written of [
    '[{ link: {}, totp: {} }]',
    '[{ allOf: [{ passkey: {} }, { link: {} }] }]',
    '[{ allOf: [{ totp: {} }, { totp: {} }] }]',
  ])
    assert.throws(
      () => build(written),
      (error) => error instanceof SallyportError && error.code === 'config-malformed',
      written,
    );
  assert.deepEqual(
    build('[{ totp: {} }]').warnings.map(({ code }) => code),
    ['code-alone'],
  );
  assert.deepEqual(build('[{ password: {}, totp: {} }]').warnings, []);
  assert.equal(build('[{ password: {}, totp: {} }]').words, 'a password of any user and a code of the authenticator of any user');
});
