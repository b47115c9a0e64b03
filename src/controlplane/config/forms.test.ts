/** How names, ports, URLs and moments are read. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBehind, readHostName, readInstant, readListen, readPort, readRelay, readServiceName } from './forms.ts';

test('a name has one spelling', () => {
  const spellings: Readonly<Record<string, string>> = {
    'Blog.Example.ORG.': 'blog.example.org',
    'bücher.example': 'xn--bcher-kva.example',
    '192.168.1.5': '192.168.1.5',
    '2001:DB8:0::1': '[2001:db8::1]',
    '[::1]': '[::1]',
    localhost: 'localhost',
  };
  for (const [text, name] of Object.entries(spellings)) assert.equal(readHostName(text), name, text);
});

test('what is no name is refused', () => {
  for (const text of [
    '',
    '.',
    'a..b',
    '*.example.org',
    'a b',
    'a/b',
    'a:80',
    'user@a',
    '127.1',
    '0x7f.1',
    'a%2eb',
    '-a.example',
    '[::1',
    'ａ。ｂ/',
    `${'a'.repeat(64)}.org`,
    'a\u0000b',
  ]) {
    assert.equal(readHostName(text), null, JSON.stringify(text));
  }
});

test('a port is a number from 1 to 65535 in plain digits', () => {
  assert.deepEqual(
    ['1', '80', '65535'].map((text) => readPort(text)),
    [1, 80, 65_535],
  );
  for (const text of ['', '0', '65536', '080', '-1', '+80', '8 0', '0x50', '1e3', '٨٠', '99999999999'])
    assert.equal(readPort(text), null, text);
});

test('what is shared: a port, a host and port, or a plain HTTP URL', () => {
  const targets: Readonly<Record<string, string>> = {
    '3000': 'localhost 3000',
    'localhost:3000': 'localhost 3000',
    '127.0.0.1:3000': '127.0.0.1 3000',
    'http://127.0.0.1': '127.0.0.1 80',
    'http://nas.local:8080/': 'nas.local 8080',
    'http://[::1]:8080': '::1 8080',
    '[::1]:8080': '::1 8080',
  };
  for (const [text, target] of Object.entries(targets)) {
    const found = readBehind(text);
    assert.equal(found.ok && found.value.is === 'http' ? `${found.value.host} ${found.value.port}` : found, target, text);
  }
});

test('a service may be asked over TLS, and in HTTP/2', () => {
  assert.deepEqual(readBehind('https://nas.local'), { ok: true, value: { is: 'http', host: 'nas.local', port: 443, speaks: 'https' } });
  assert.deepEqual(readBehind('h2c://127.0.0.1:50051'), { ok: true, value: { is: 'http', host: '127.0.0.1', port: 50051, speaks: 'h2c' } });
  assert.deepEqual(readBehind('h2://[::1]:8443'), { ok: true, value: { is: 'http', host: '::1', port: 8443, speaks: 'h2' } });
});

test('a service with a certificate of its own, and one of any other protocol, say so', () => {
  assert.deepEqual(readBehind('tls://127.0.0.1:8443'), { ok: true, value: { is: 'tls', host: '127.0.0.1', port: 8443 } });
  assert.deepEqual(readBehind('TCP://[::1]:22/'), { ok: true, value: { is: 'tcp', host: '::1', port: 22 } });
});

test('what is never shared says what would be', () => {
  const expectations: Readonly<Record<string, RegExp>> = {
    '70000': /port from 1 to 65535/,
    '-1': /port from 1 to 65535/,
    '3.5': /port from 1 to 65535/,
    localhost: /a port or a URL/,
    'h2c://127.0.0.1': /like h2c:\/\/127\.0\.0\.1:50051/,
    'ftp://x': /http, https, h2c, h2, tls, tcp or udp/,
    'tls://x': /like tls:\/\/127/,
    'tcp://x': /like tcp:\/\/127/,
    'tcp://x:0': /port from 1/,
    'http://u:p@x': /without path, user/,
    'http://x/app': /without path/,
    'http://x:0': /port from 1/,
    'http://': /without path|a port or a URL/,
    '': /a port/,
  };
  for (const [text, expected] of Object.entries(expectations)) {
    const found = readBehind(text);
    assert.match(found.ok ? 'taken' : found.expected, expected, text);
  }
});

test('an address to listen on is an address of this machine, with a scheme', () => {
  assert.deepEqual(readListen('https://0.0.0.0'), { scheme: 'https', host: '0.0.0.0', port: 443 });
  assert.deepEqual(readListen('http://[::]:0'), { scheme: 'http', host: '::', port: 0 });
  assert.deepEqual(readListen('http://localhost:8080/'), { scheme: 'http', host: 'localhost', port: 8080 });
  for (const text of [
    '0.0.0.0:443',
    'https://example.org',
    'tcp://0.0.0.0:1',
    'https://0.0.0.0:99999',
    'https://0.0.0.0/x',
    'https://a@0.0.0.0',
  ]) {
    assert.equal(readListen(text), null, text);
  }
});

test('a relay is a host with or without a port', () => {
  assert.deepEqual(['Relay.Example.org', 'relay.example.org:8443', '[::1]:1', '::1'].map(readRelay), [
    'relay.example.org',
    'relay.example.org:8443',
    '[::1]:1',
    '[::1]',
  ]);
  for (const text of ['', 'https://relay', 'relay:0', 'relay:', 'a b', 'relay:70000']) assert.equal(readRelay(text), null, text);
});

test('a service name is a DNS label', () => {
  for (const text of ['blog', 'a', '1a', 'web-3000']) assert.equal(readServiceName(text), text);
  for (const text of ['', 'Blog', 'my_blog', '-a', 'a-', 'a.b', 'ä', 'a'.repeat(64), '__proto__', 'a\n'])
    assert.equal(readServiceName(text), null, text);
});

test('a moment needs its zone and must exist', () => {
  assert.equal(readInstant('2027-01-31T18:00:00Z'), Date.UTC(2027, 0, 31, 18));
  assert.equal(readInstant('2027-01-31T18:00+02:00'), Date.UTC(2027, 0, 31, 16));
  assert.equal(readInstant('never'), 'never');
  for (const text of [
    '2027-01-31',
    '2027-02-29T00:00:00Z',
    '2027-01-31T18:00:00',
    'tomorrow',
    '2027-13-01T00:00:00Z',
    '2027-01-01T25:00:00Z',
  ])
    assert.equal(readInstant(text), null, text);
});
