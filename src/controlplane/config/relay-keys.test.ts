/** One relay or several, as they are written. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relaysSchema } from './relay-keys.ts';

const read = (raw: unknown): unknown => relaysSchema().safeParse(raw).data ?? null;

test('one relay stays one word, several are a list, each in its one spelling', () => {
  assert.equal(read('Relay.Example.org:8443'), 'relay.example.org:8443');
  assert.deepEqual(read(['relay1.example.org:443', 'RELAY2.example.net', '[2001:DB8::1]:443']), [
    'relay1.example.org:443',
    'relay2.example.net',
    '[2001:db8::1]:443',
  ]);
});

test('nothing else is taken: no empty list, none twice, no more than eight, no URL', () => {
  const nine = Array.from({ length: 9 }, (_, at) => `relay${at}.example.org`);
  for (const wrong of [[], ['a.example', 'A.example'], nine, 'https://relay.example.org', ['a b'], 443, [['a.example']], null])
    assert.equal(read(wrong), null, JSON.stringify(wrong));
});
