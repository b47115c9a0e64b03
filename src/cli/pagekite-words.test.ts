/** PageKite's words, as its users type them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPageKite, readPageKite } from './pagekite-words.ts';
import { rawService } from './share-request.ts';

test("PageKite's words are told from our own", () => {
  for (const words of ['80 blog.example.org', '80 +insecure', '80 a.example AND 81 b.example', './site x.example +indexes'])
    assert.equal(isPageKite(words.split(' ')), true, words);
  for (const words of ['3000', '3000 --public', 'http 3000', 'status', '3000 --allow 10.0.0.0/8', ''])
    assert.equal(isPageKite(words.split(' ')), false, words);
});

test('reads the article’s example: a password, a network, a name', () => {
  const { requests, passwords } = readPageKite(
    '80 blog.example.org +password/ana=foo=bar/baz +password/ben=x +ip/1.2.3=ok +ip/4.5.6.7=ok +rewritehost'.split(' '),
    '/x',
  );
  assert.deepEqual(passwords, [
    { user: 'ana', password: 'foo=bar/baz' },
    { user: 'ben', password: 'x' },
  ]);
  assert.deepEqual(requests.map(rawService), [
    {
      at: ['blog.example.org'],
      to: '80',
      rewritehost: true,
      rawheaders: false,
      access: [{ ip: ['1.2.3', '4.5.6.7'], password: { users: ['ana', 'ben'] } }],
      firewall: 'on',
      for: 'never',
    },
  ]);
  assert.equal(requests[0]?.name, 'blog');
});

test('several shares are joined by AND, each with its own flags', () => {
  const { requests } = readPageKite(
    '80 a.example.org +insecure +rawheaders AND ./my/site b.example.org +indexes AND localhost:3000 +rewritehost=app.internal'.split(' '),
    '/home/ana',
  );
  assert.deepEqual(
    requests.map(({ name, to, dir, firewall, rawHeaders, indexes, rewriteHost }) => ({
      name,
      to,
      dir,
      firewall,
      rawHeaders,
      indexes,
      rewriteHost,
    })),
    [
      { name: 'a', to: '80', dir: null, firewall: 'off', rawHeaders: true, indexes: false, rewriteHost: false },
      { name: 'b', to: null, dir: '/home/ana/my/site', firewall: 'on', rawHeaders: false, indexes: true, rewriteHost: false },
      { name: 'web-3000', to: 'localhost:3000', dir: null, firewall: 'on', rawHeaders: false, indexes: false, rewriteHost: 'app.internal' },
    ],
  );
});

test('a share without +password and +ip gets a link: nothing is open to everyone that does not say public', () => {
  const { requests } = readPageKite(['80', 'a.example.org'], '/x');
  assert.deepEqual(
    requests.map((request) => rawService(request)['access']),
    [[{ link: {} }]],
  );
});

const wrong: Readonly<Record<string, RegExp>> = {
  '+password/ana=x': /begins with a port/,
  '80 +password/ana': /\+password is not written/,
  '80 +password/=x': /\+password is not written/,
  '80 +ip/1.2.3': /\+ip is not written/,
  '80 +ip/1.2.3=no': /\+ip is not written/,
  '80 +ip/1.2.3.400=ok': /no address/,
  '80 +insecure=1': /\+insecure is not written/,
  '80 +root': /\+root is no word/,
  '80 +proxyproto=3': /\+proxyproto is not written/,
  '80 +proxyproto/1': /\+proxyproto is not written/,
  '80 a.example b.example': /One name is enough/,
  '80 a.example AND 81 a.example': /Two shares would be called a/,
  '80 AND': /begins with a port/,
  '99999 a.example': /cannot be shared/,
  '80 a..b': /no name for a share/,
};

for (const [words, message] of Object.entries(wrong)) {
  test(`refuses ${words} in one sentence with the way out`, () => {
    assert.throws(
      () => readPageKite(words.split(' '), '/x'),
      (error: Error & { hint?: string | null }) => message.test(error.message) && typeof error.hint === 'string',
    );
  });
}

test('no message repeats a password', () => {
  for (const words of [
    ['80', '+password/ana/hunter2'],
    ['80', '+password=hunter2'],
    ['80', '+insecure=hunter2'],
  ]) {
    assert.throws(
      () => readPageKite(words, '/x'),
      (error: Error & { hint?: string | null }) => !`${error.message}${error.hint}`.includes('hunter2'),
    );
  }
});

test('+proxyproto tells the service who comes, in version 1 as PageKite did, or in version 2', () => {
  const proxies = ['80 +proxyproto', '80 +proxyproto=1', '80 +proxyproto=2', '80'].map(
    (words) => readPageKite(words.split(' '), '/x').requests[0]?.proxy,
  );
  assert.deepEqual(proxies, ['v1', 'v1', 'v2', null]);
});
