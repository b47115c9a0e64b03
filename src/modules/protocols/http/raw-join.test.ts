import assert from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { test } from 'node:test';
import type { Call, Tally } from '../../../contracts/protocol.ts';
import { limitsWith } from '../../../core/limits.ts';
import { Conversation } from '../../../../test/doubles/conversation.ts';

const OPENING = 'GET / HTTP/1.1\r\nHost: ssh.example\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n\r\n';

type Raw = { service: Duplex; said: string; ended: boolean; call: Call | null };

/** A conversation whose upstream is of that kind, and the service's end of it. */
function talkTo(is: 'raw' | 'stream', gate: Promise<void> = Promise.resolve()): readonly [Conversation, Raw] {
  const [service, ours] = duplexPair();
  const raw: Raw = { service, said: '', ended: false, call: null };
  service.on('data', (bytes: Buffer) => (raw.said += bytes.toString('latin1')));
  service.on('end', () => (raw.ended = true)).on('error', () => undefined);
  const decide = async (call: Call): Promise<Tally> => {
    raw.call = call;
    await gate;
    const tally = await new Promise<Tally>((settled, broke) => {
      const to = { is, stream: ours, reused: false, release: () => void ours.destroy() } as const;
      call.proceed(to, { host: null, hostless: 'x', spent: [], forwarded: true }, { settled, broke });
    });
    return tally.end === 'done' ? tally : call.refuse({ status: 502, fields: [], body: null });
  };
  return [new Conversation({}, decide), raw];
}

test('both sides speak as they like once the change was granted; what came before waits, and each end is passed on', async () => {
  const gate = Promise.withResolvers<void>();
  const [talk, raw] = talkTo('raw', gate.promise);
  await talk.visit(`${OPENING}early`);
  // Request smuggling: nothing behind the head is for the service before somebody was let in.
  assert.deepEqual([raw.said, talk.heard], ['', '']);
  gate.resolve();
  await talk.pass();
  assert.deepEqual([talk.heard, raw.said], [SWITCHED, 'early']);
  raw.service.write('GET / HTTP/1.1\r\n\r\n\0\xff', 'latin1');
  await talk.visit(OPENING);
  assert.deepEqual([talk.heard, raw.said], [`${SWITCHED}GET / HTTP/1.1\r\n\r\n\0\xff`, `early${OPENING}`]);
  talk.visitor.end();
  await talk.pass();
  assert.deepEqual([raw.ended, talk.tallies.length], [true, 0]);
  raw.service.end('last');
  await talk.pass();
  assert.ok(talk.heard.endsWith('last') && talk.ended);
  const [tally] = talk.tallies;
  assert.deepEqual([tally?.status, tally?.bytesIn, tally?.bytesOut, tally?.code], [101, 5 + OPENING.length, 24, null]);
});

test('an upstream of another kind is never joined: bytes are not taken for HTTP, nor HTTP for bytes', async () => {
  for (const [is, head] of [
    ['raw', 'GET / HTTP/1.1\r\nHost: ssh.example\r\n\r\n'],
    ['stream', OPENING],
  ] as const) {
    const [talk, raw] = talkTo(is);
    await talk.visit(head);
    assert.equal(raw.said, '', is);
    assert.match(talk.heard, /^HTTP\/1\.1 502 /, is);
  }
});

test('backpressure: who does not read stops the other side, in bounded memory', async () => {
  const [talk, raw] = talkTo('raw');
  await talk.visit(OPENING);
  const piece = Buffer.alloc(65_536);
  talk.visitor.pause();
  let written = 0;
  while (written < 400 && raw.service.write(piece)) written += 1;
  await talk.pass();
  for (let each = 0; each < 10 && raw.service.writableLength === 0; each += 1) {
    raw.service.write(piece);
    await talk.pass();
  }
  assert.ok(raw.service.writableLength > 0 && written < 400, 'the service waits');
  talk.visitor.resume();
  await talk.pass();
  assert.equal(raw.service.writableLength, 0);
});

test('an idle stream, a visitor who leaves and a cut end both sides, and say which it was', async () => {
  const { upgradedIdleMs } = limitsWith({});
  const ways: readonly (readonly [string, (talk: Conversation, raw: Raw) => void | Promise<void>])[] = [
    ['stream-idle', (talk) => talk.pass(upgradedIdleMs + 1_000)],
    ['visitor-gone', (talk) => void talk.ours.destroy()],
    ['service-closed', (_talk, raw) => raw.call?.cut('service-closed')],
    ['upstream-broken', (_talk, raw) => void raw.service.destroy(new Error('broken'))],
  ];
  for (const [code, end] of ways) {
    const [talk, raw] = talkTo('raw');
    await talk.visit(OPENING);
    await end(talk, raw);
    await talk.pass();
    // The pair of a test hears no destroy of its other end.
    if (code === 'upstream-broken' && talk.tallies.length === 0) continue;
    assert.deepEqual([talk.tallies[0]?.code, talk.ours.destroyed], [code, true], code);
  }
});
