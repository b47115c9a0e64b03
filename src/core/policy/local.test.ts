/** Who counts as being on this machine: a test for each part of the definition. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldOf } from '../http/fields.ts';
import type { Exchange, ListenerFacts } from './exchange.ts';
import { isLocal } from './local.ts';

const loopback: ListenerFacts = { name: 'http://127.0.0.1:8080', scheme: 'http', port: 8080, via: 'direct', loopback: true };

function exchange(fields: Readonly<Record<string, string>> = {}, changes: Partial<Exchange> = {}): Exchange {
  const list = Object.entries(fields).map(([name, value]) => fieldOf(name, value));
  return {
    id: '0'.repeat(26),
    at: 0,
    listener: loopback,
    from: { ip: '127.0.0.1', port: 40_000 },
    host: 'localhost',
    sni: null,
    identity: null,
    http: {
      method: 'GET',
      target: '/',
      path: { text: '/', clear: true },
      minor: 1,
      fields: list,
      authority: { host: 'localhost', port: 8080 },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
    },
    ...changes,
  };
}

test('a program on this machine that asks for localhost is local', () => {
  assert.equal(isLocal(exchange(), []), true);
  assert.equal(isLocal(exchange({}, { from: { ip: '::1', port: 1 }, host: '::1' }), []), true);
  assert.equal(isLocal(exchange({}, { host: '127.0.0.1' }), []), true);
  assert.equal(isLocal(exchange({}, { host: 'blog.localhost' }), []), true);
});

test('our own name counts as well as a loopback literal', () => {
  assert.equal(isLocal(exchange({}, { host: 'blog.example.org' }), ['blog.example.org']), true);
});

test('what came through a relay is never local, whatever address it claims', () => {
  assert.equal(isLocal(exchange({}, { listener: { ...loopback, via: 'relay' } }), []), false);
});

test('a peer that is not loopback is not local', () => {
  for (const ip of ['192.168.1.7', '10.0.0.1', '128.0.0.1', '::', '::2', '127.0.0.1.example.org', '1270.0.0.1', '']) {
    assert.equal(isLocal(exchange({}, { from: { ip, port: 1 } }), []), false, ip);
  }
});

test('a listener that others can reach makes nobody local', () => {
  assert.equal(isLocal(exchange({}, { listener: { ...loopback, loopback: false } }), []), false);
});

test('another proxy in front is not this machine: the fields that it writes', () => {
  for (const name of [
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'x_forwarded_for',
    'X-Forwarded',
    'Via',
    'X-Real-IP',
  ]) {
    assert.equal(isLocal(exchange({ [name]: '127.0.0.1' }), []), false, name);
  }
});

test('DNS rebinding: a foreign name that resolves to 127.0.0.1 is not local', () => {
  for (const host of ['evil.example', 'localhost.evil.example', 'evillocalhost', '127.0.0.1.nip.io', '']) {
    assert.equal(isLocal(exchange({}, { host }), ['blog.example.org']), false, host);
  }
});

test('CSRF from a web page in the local browser: Sec-Fetch-Site of another site is not local', () => {
  for (const site of ['cross-site', 'same-site', 'Same-Origin', '', 'none, cross-site']) {
    assert.equal(isLocal(exchange({ 'Sec-Fetch-Site': site }), []), false, site);
  }
  assert.equal(isLocal(exchange({ 'Sec-Fetch-Site': 'none' }), []), true);
  assert.equal(isLocal(exchange({ 'Sec-Fetch-Site': 'same-origin' }), []), true);
});

test('CSWSH: a foreign Origin is not local, our own is', () => {
  for (const origin of [
    'null',
    'https://evil.example',
    'http://localhost.evil.example',
    'http://localhost:80/x',
    'http://user@localhost',
  ]) {
    assert.equal(isLocal(exchange({ Origin: origin }), []), false, origin);
  }
  assert.equal(isLocal(exchange({ Origin: 'http://localhost:8080' }), []), true);
  assert.equal(isLocal(exchange({ Origin: 'http://[::1]:8080' }, { host: '::1' }), []), true);
});

test('what is not HTTP shows too little to be local', () => {
  assert.equal(isLocal(exchange({}, { http: null }), []), false);
});
