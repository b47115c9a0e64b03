/** What an event keeps of a request, and what it must not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf } from '../../test/doubles/exchange.ts';
import type { Identity } from '../core/policy/exchange.ts';
import { eventOf } from './event.ts';

const tally = {
  end: 'done',
  status: 200,
  bytesIn: 0,
  bytesOut: 0,
  code: null,
  why: null,
  reusable: true,
  untouched: false,
} as unknown as Parameters<typeof eventOf>[2];
const hook: Identity = { guard: 'webhook', subject: 'webhook:/hook', name: 'webhook /hook', by: 'signature', roles: [] };
const pathOf = (target: string, identity: Identity | null = null): string | null =>
  eventOf(exchangeOf({ target, identity }), 'blog', tally, { is: 'pass', code: null, why: null }, 1_000_000).path;

test('secrets in logs: of a link, a query and a secret path only what is no secret is kept', () => {
  assert.equal(pathOf('/.sallyport/link/SECRET'), '/.sallyport/link/…');
  assert.equal(pathOf('/photos?token=SECRET'), '/photos');
  for (const spelling of [
    '//.sallyport/link/SECRET',
    '/.sallyport%2flink%2fSECRET',
    '/%2esallyport//link/SECRET',
    '/a/..%2f.sallyport/link/SECRET',
  ])
    assert.doesNotMatch(pathOf(spelling) ?? '', /SECRET/, spelling);
  assert.equal(pathOf('/hook/SECRET', { ...hook, secretPath: true }), '/hook/…');
  assert.equal(pathOf('/hook', hook), '/hook');
});
