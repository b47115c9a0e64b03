/** What is pinned of a relay, whatever order its carriers are heard in. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { identityOf } from '../../test/tunnel/relay.ts';
import type { Reached } from './reach-relay.ts';
import { RelayPins, type RelayKeys } from './relay-pins.ts';

const [old, next, other] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];

const said = (fingerprint: string, then: string | null): Pick<Reached, 'fingerprint' | 'accepted'> => ({
  fingerprint,
  accepted: { domain: 'example.test', grants: [], window: 1, features: [], ...(then === null ? {} : { next: then }) },
});

test('a key that was announced is pinned beside the old one, and alone once it was shown', async () => {
  const told: RelayKeys[] = [];
  const pins = new RelayPins({ fingerprint: old, identity: await identityOf('one'), onKeys: (keys) => told.push(keys) });
  const [first, second, third] = [await pins.now(), await pins.now(), await pins.now()];
  pins.learn(said(old, next), second.attempt);
  // Accepted before the announcement, heard behind it.
  pins.learn(said(old, null), first.attempt);
  deepEqual((await pins.now()).keys.nextFingerprint, next);
  pins.learn(said(next, null), third.attempt);
  pins.learn(said(old, other), (await pins.now()).attempt);
  deepEqual(told, [
    { fingerprint: old, next },
    { fingerprint: next, next: null },
  ]);
});

test('an announcement that a later carrier does not hear is taken back', async () => {
  const pins = new RelayPins({ fingerprint: old, nextFingerprint: next, identity: await identityOf('one') });
  pins.learn(said(old, null), (await pins.now()).attempt);
  const { keys } = await pins.now();
  deepEqual([keys.fingerprint, keys.nextFingerprint], [old, null]);
});
