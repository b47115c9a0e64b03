/** API keys as they are made and kept. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { testTools } from '../../../test/doubles/tools.ts';
import { keyDigest, newKey } from './api-key.ts';
import { openIdentities } from './identities.ts';

describe('the text of a key', () => {
  test('has a prefix, 192 bits and a checksum that every wrong character changes', () => {
    for (let round = 0; round < 200; round += 1) {
      const text = newKey(randomBytes);
      assert.match(text, /^sallyport_[0-9A-Za-z]{39}$/);
      assert.match(keyDigest(text) ?? '', /^[A-Za-z0-9_-]{43}$/);
      const at = 'sallyport_'.length + (round % 39);
      const wrong = text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);
      assert.equal(keyDigest(wrong), null, wrong);
    }
  });

  test('is made of all the chance it was given', () => {
    const low = newKey((count) => new Uint8Array(count));
    const high = newKey((count) => new Uint8Array(count).fill(255));
    assert.match(low, /^sallyport_0{33}/);
    assert.notEqual(low.slice(0, 30), high.slice(0, 30));
    assert.notEqual(keyDigest(low), keyDigest(high));
  });

  test('of another form is not looked up', () => {
    const text = newKey(randomBytes);
    for (const wrong of ['', 'sallyport_', `${text}0`, text.slice(1), ` ${text}`, `${text}\n`, text.toUpperCase(), 'x'.repeat(100_000)])
      assert.equal(keyDigest(wrong), null);
  });
});

describe('keys', () => {
  test('are kept as their digest only', async () => {
    const { people, store } = await testTools();
    const { secret } = await people.keys.create({ name: 'CI', owner: 'ana', roles: ['deployer'] });
    const next = await people.keys.rotate('ci', 1_000);
    const kept = JSON.stringify(await store.records.list(''));
    for (const text of [secret, next.secret]) {
      assert.equal(kept.includes(text), false);
      assert.equal(kept.includes(text.slice('sallyport_'.length)), false);
    }
  });

  test('refuse what cannot be one, before anything is written', async () => {
    const { people, clock } = await testTools(['ana'], { keysMax: 2 });
    const { keys } = people;
    await keys.create({ name: 'ci' });
    await assert.rejects(keys.create({ name: 'CI' }), { code: 'key-taken' });
    await assert.rejects(keys.create({ name: 'a b' }), { code: 'name-malformed' });
    await assert.rejects(keys.create({ name: 'x', owner: 'nobody' }), { code: 'user-missing' });
    await assert.rejects(keys.create({ name: 'x', roles: ['A B'] }), { code: 'usage-wrong' });
    await assert.rejects(keys.create({ name: 'x', allow: ['10.0.0.0/99'] }), { code: 'usage-wrong' });
    await assert.rejects(keys.create({ name: 'x', expires: clock.now }), { code: 'usage-wrong' });
    await assert.rejects(keys.rotate('x', 0), { code: 'key-missing' });
    assert.equal(await keys.revoke('x'), false);
    await keys.create({ name: 'second' });
    await assert.rejects(keys.create({ name: 'third' }), { code: 'usage-wrong' });
    assert.deepEqual(
      keys.list().map(({ name }) => name),
      ['ci', 'second'],
    );
  });

  test('remember when they were used last, with one write in a while', async () => {
    const { people, clock, store } = await testTools();
    const { key } = await people.keys.create({ name: 'ci' });
    const writes: string[] = [];
    const watch = store.records.watch('key-uses/', (change) => writes.push(change.key));
    for (let round = 0; round < 50; round += 1) people.keys.used(key, `192.0.2.${round}`);
    await turn();
    assert.deepEqual(people.keys.lastUse('ci'), { at: clock.now, from: '192.0.2.0' });
    clock.now += 60_000;
    people.keys.used(key, '198.51.100.1');
    await turn();
    assert.deepEqual(people.keys.lastUse('ci'), { at: clock.now, from: '198.51.100.1' });
    assert.equal(writes.length, 2);
    await people.keys.revoke('ci');
    assert.equal(people.keys.lastUse('ci'), null);
    watch.close();
  });

  test('are the same for a second process of the home', async () => {
    const { people, store, now, limits } = await testTools();
    const other = await openIdentities({ store, now, randomBytes, limits, cost: { memoryKib: 8, passes: 1, lanes: 1 } });
    const { secret, key } = await people.keys.create({ name: 'ci', roles: ['deployer'] });
    const digest = keyDigest(secret) ?? '';
    await turn();
    assert.deepEqual(other.keys.find(digest), key);
    await other.keys.revoke('ci');
    await turn();
    assert.equal(people.keys.find(digest), null);
    other.close();
  });
});
