/** What a home remembers of its relays. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { addMembership, forgetMembership, listMemberships, renewMembership, type Membership } from './memberships.ts';

const one: Membership = {
  address: 'relay.example.org:443',
  fingerprint: 'a'.repeat(64),
  domain: 'example.org',
  grants: ['ana.example.org', '*.ana.example.org'],
  joinedAt: 1,
};
const two: Membership = { ...one, address: 'relay.example.net:443', fingerprint: 'b'.repeat(64), domain: 'example.net', joinedAt: 2 };

const storeOf = async (...all: readonly Membership[]) => {
  const store = createMemoryStore({ now: Date.now });
  for (const each of all) await addMembership(store, each);
  return store;
};

test('another relay is added, the same again is renewed, the last one comes first', async () => {
  const store = await storeOf(one, two, { ...one, grants: ['shop.example.org'], joinedAt: 3, via: 'websocket' });
  assert.deepEqual(await listMemberships(store), [{ ...one, grants: ['shop.example.org'], joinedAt: 3, via: 'websocket' }, two]);
});

test('who has another key at an address took the place of who was there, and of nobody else', async () => {
  const anew = { ...one, fingerprint: 'c'.repeat(64), joinedAt: 3 };
  assert.deepEqual(await listMemberships(await storeOf(one, two, anew)), [anew, two]);
});

test('the keys of one relay become others, those of the other stay', async () => {
  const store = await storeOf(one, two);
  const next = 'd'.repeat(64);
  await renewMembership(store, one.fingerprint, { fingerprint: one.fingerprint, next });
  await renewMembership(store, one.fingerprint, { fingerprint: next, next: null });
  assert.deepEqual(await listMemberships(store), [two, { ...one, fingerprint: next, next: null }]);
});

test('one that was left is not remembered again by a key that it shows to what still runs', async () => {
  const store = await storeOf(one, two);
  await forgetMembership(store, two);
  await renewMembership(store, two.fingerprint, { fingerprint: 'd'.repeat(64), next: null });
  assert.deepEqual(await listMemberships(store), [one]);
});
