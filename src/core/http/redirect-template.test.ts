import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalPath } from './path.ts';
import { redirectTemplate } from './redirect-template.ts';
import type { RequestHead } from './head.ts';

function asked(target: string): RequestHead {
  const authority = { host: 'old.example.org', port: null };
  const path = target === '*' ? null : canonicalPath(target);
  const rest = {
    minor: 1,
    fields: [],
    authority,
    framing: { is: 'none' },
    persistent: true,
    expectsContinue: false,
    upgrade: null,
  } as const;
  return { method: 'GET', target, path, ...rest };
}

const fill = (template: string, target: string) => redirectTemplate(template)?.fill(asked(target));

test('path and query are put into the address of the operator', () => {
  assert.equal(fill('https://new.example.org', '/a?b'), 'https://new.example.org/');
  assert.equal(fill('https://new.example.org/{path}?{query}', '/a/b?c=d'), 'https://new.example.org/a/b?c=d');
  assert.equal(fill('https://new.example.org/{path}?{query}', '/a/b'), 'https://new.example.org/a/b');
  assert.equal(fill('https://new.example.org/x?{query}&y=1', '/'), 'https://new.example.org/x?y=1');
  assert.equal(fill('/new/{path}#top', '/%7Eana'), '/new/~ana#top');
  assert.equal(fill('https://login.example.org/?to=/{path}', '/a&b'), 'https://login.example.org/?to=/a%26b');
});

test('attack: open redirect: nothing that a visitor sends chooses the host', () => {
  for (const target of ['//evil.example', '/\\evil.example', '/%2F/evil.example', '/%5Cevil.example', '/..//evil.example', '*']) {
    assert.equal(fill('/{path}', target), null, target);
    assert.equal(fill('https://new.example.org/{path}', target), null, target);
  }
  assert.equal(fill('/{path}', '/evil.example'), '/evil.example');
  for (const template of [
    'https://{path}',
    'https://new.example.org{path}',
    '//new.example.org/',
    '{path}',
    'javascript:alert(1)',
    'https://a@b/',
    '/\\x',
    'https://new.example.org:{path}/',
    'ftp://x/',
    '/{host}',
    '/?a{query}',
    '/#{path}',
    '/a b',
    '/a\r\nb',
    'https:///x',
  ])
    assert.equal(redirectTemplate(template), null, template);
});
