/** Limits of a service as they are written. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guards } from '../../registry.ts';
import { readBytes, readQuota } from './limit-keys.ts';
import { configParser } from './parse.ts';

const parser = configParser([...guards.values()]);
const parsed = (service: string) => parser.parse(`services: { web: { ${service}, access: [public] } }`, '/x/sallyport.yaml');

test('sizes have units, decimal and binary', () => {
  const sizes = { '10MB': 10_000_000, '10MiB': 10_485_760, '512 KB': 512_000, '1GB': 1e9, '0': 0, '7': 7, '7B': 7, '2TiB': 2 ** 41 };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(readBytes(text), bytes, text);
  for (const text of ['', 'MB', '-1', '1.5MB', '1mb', '1 MB ', '1e9', '999999999999999TB', '0x10', '1M'])
    assert.equal(readBytes(text), null, text);
});

test('rates have a period', () => {
  assert.deepEqual(readQuota('120/min'), { count: 120, perMs: 60_000 });
  assert.deepEqual(readQuota('5/s'), { count: 5, perMs: 1_000 });
  assert.deepEqual(readQuota('1000/h'), { count: 1_000, perMs: 3_600_000 });
  assert.deepEqual(readQuota('10000/day'), { count: 10_000, perMs: 86_400_000 });
  for (const text of ['', '120', '0/min', '1/m', '1 / min', '-1/s', '1.5/s', '2000000/s', '/min'])
    assert.equal(readQuota(text), null, text);
});

test('what a service says stands in its plan, and nothing where it says nothing', () => {
  const found = parsed('to: 1, limits: { body: 10MB, connections: 20, requests: 120/min }');
  assert.ok(found.ok);
  assert.deepEqual(found.config.services[0]?.limits, {
    bodyBytes: 10_000_000,
    connections: 20,
    requests: { count: 120, perMs: 60_000 },
  });
  const some = parsed('to: 1, limits: { body: 0 }');
  assert.ok(some.ok);
  assert.deepEqual(some.config.services[0]?.limits, { bodyBytes: 0, connections: null, requests: null });
  const none = parsed('to: 1, limits: {}');
  assert.ok(none.ok && !('limits' in (none.config.services[0] ?? {})));
});

test('a mistake is named with what was expected', () => {
  const said = (service: string): string => {
    const found = parsed(service);
    return found.ok ? 'all well' : found.problems.map(({ sentence }) => sentence).join('\n');
  };
  assert.match(said('to: 1, limits: { body: much }'), /services\.web\.limits\.body: .*a size like 10MB/);
  assert.match(said('to: 1, limits: { requests: 120 }'), /services\.web\.limits\.requests: .*a rate like 120\/min/);
  assert.match(said('to: 1, limits: { connections: 0 }'), /services\.web\.limits\.connections: .*a number from 1/);
  assert.match(said('to: 1, limits: { request: 5/s }'), /did you mean requests/);
  assert.match(
    said('to: "tls://127.0.0.1:1", limits: { body: 1MB }'),
    /services\.web\.limits: found body beside a service that is no HTTP/,
  );
  assert.match(said('dir: ., limits: { connections: 3 }'), /services\.web\.limits: found connections beside dir/);
  assert.equal(said('to: "tcp://127.0.0.1:1", limits: { connections: 3, requests: 5/s }'), 'all well');
});
