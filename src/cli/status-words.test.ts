/** Several relays, as people read of them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventWords } from './words.ts';
import { scriptedTerminal } from './scripted-terminal.ts';

const words = (event: Parameters<typeof eventWords>[0]): readonly string[] => eventWords(event, scriptedTerminal()).split('\n');
const relay = { code: null, why: null, carriers: 2, roundTripMs: 23.4, names: ['web.ana.example.org'] } as const;

test('status has a line for each relay: its carriers and the way there and back, or why it is not reached', () => {
  const lines = words({
    event: 'status',
    pid: 7,
    since: '2027-01-31T18:00:00Z',
    services: [],
    relays: [
      { ...relay, relay: 'relay.example.org:443', state: 'ready' },
      { ...relay, relay: 'one.example.net:443', state: 'ready', carriers: 1, roundTripMs: 0.84 },
      {
        ...relay,
        relay: 'two.example.net:443',
        state: 'waiting',
        carriers: 0,
        roundTripMs: null,
        code: 'relay-unreachable',
        why: 'it is away\u001b[2J',
      },
    ],
  });
  assert.deepEqual(lines.slice(2), [
    'Relay relay.example.org:443: 2 carriers, 23 ms there and back',
    'Relay one.example.net:443: 1 carrier, 0.8 ms there and back',
    'Relay two.example.net:443: not reached: it is away\\u{1b}[2J (relay-unreachable)',
  ]);
});

test('a share says its other addresses, and which relay it is not reached by', () => {
  const ready = {
    event: 'ready',
    service: 'web',
    url: 'https://web.ana.example.org',
    reach: 'internet',
    ca: null,
    fingerprint: null,
    access: [],
    expires: null,
    hint: null,
  } as const;
  const alone = words(ready);
  assert.deepEqual(
    words({
      ...ready,
      urls: [ready.url, 'https://web.an.example.net'],
      waiting: [{ relay: 'two.example.net:443', code: 'relay-unreachable', why: 'it is away', hint: null }],
    }),
    [...alone, '  Also at https://web.an.example.net', '  Not by two.example.net:443 yet: it is away'],
  );
});
