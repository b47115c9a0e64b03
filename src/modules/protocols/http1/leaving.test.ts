/** Visitors who end their side, or are gone before anybody listens: what is kept for them, and how long. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { test } from 'node:test';
import { Conversation } from '../../../../test/doubles/conversation.ts';
import type { Deadline, ProtocolTools } from '../../../contracts/protocol.ts';
import { defaults } from '../../../core/limits.ts';
import { http1 } from '../http1.ts';

const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n';

test('a stream of events may be silent for long, but not for somebody who has ended their side', async () => {
  const talk = new Conversation();
  await talk.visit('GET /events HTTP/1.1\r\nHost: blog.example\r\n\r\n');
  await talk.answer(EVENTS);
  await talk.pass(defaults.answerMs + 1_000);
  assert.deepEqual(talk.tallies, []);
  talk.visitor.end();
  await talk.pass();
  await talk.pass(1_000);
  assert.deepEqual(talk.tallies, [], 'who has ended their side may still read');
  await talk.pass(defaults.answerMs);
  assert.deepEqual(
    talk.tallies.map(({ code }) => code),
    ['stream-idle'],
  );
  assert.deepEqual(talk.released, [false]);
});

test('a WebSocket may be silent for long from its first moment on', async () => {
  const talk = new Conversation();
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  await talk.visit(`GET /echo HTTP/1.1\r\nHost: blog.example\r\n${upgrade}${key}\r\n`);
  await talk.answer(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n`);
  await talk.pass(defaults.answerMs + 1_000);
  assert.deepEqual(talk.tallies, []);
  await talk.pass(defaults.upgradedIdleMs);
  assert.deepEqual(
    talk.tallies.map(({ code }) => code),
    ['stream-idle'],
  );
});

/** What the protocol makes of a stream that was left before anybody listened. */
async function served(stream: Duplex): Promise<Readonly<{ calls: number; deadlines: number }>> {
  const deadlines = new Set<Deadline>();
  const tools: ProtocolTools = {
    now: () => 0,
    newId: () => 'ID',
    limits: defaults,
    deadlines: { time: () => 0, add: (each) => void deadlines.add(each), delete: (each) => void deadlines.delete(each) },
    httpDate: () => '',
    splice: async () => ({ bytesAToB: 0, bytesBToA: 0, code: null, why: null }),
    refused: () => assert.fail('nothing was said'),
  };
  const listener = { name: 'test', scheme: 'https', port: 443, via: 'direct', loopback: true } as const;
  let calls = 0;
  await http1.serve({ stream, listener, from: { ip: '192.0.2.7', port: 5 }, sni: null }, tools, () => (calls += 1));
  return { calls, deadlines: deadlines.size };
}

test('a visitor who ended in the turn of their handshake is not waited for', { timeout: 5_000 }, async () => {
  const [visitor, ours] = duplexPair();
  visitor.resume().end();
  await once(ours.resume(), 'end');
  assert.deepEqual(await served(ours), { calls: 0, deadlines: 0 });
  assert.ok(ours.destroyed);
});

test('a visitor whose connection broke in the turn of their handshake leaves no deadline behind', { timeout: 5_000 }, async () => {
  const [, ours] = duplexPair();
  ours.destroy();
  await once(ours, 'close');
  assert.deepEqual(await served(ours), { calls: 0, deadlines: 0 });
});
