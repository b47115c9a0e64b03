/** What hostile visitors and services try on one HTTP/1.1 connection, each test named after its class. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Call } from '../../../contracts/protocol.ts';
import { Conversation } from '../../../../test/doubles/conversation.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: blog.example\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const page = { status: 401, fields: [], body: 'x'.repeat(20_000) } as const;

/** The stream on which we write to the visitor. */
const unread = (talk: Conversation): number => talk.ours.writableLength;

describe('slow readers', () => {
  it('slow read: who pipelines and reads nothing is answered no more than one buffer’s worth', async () => {
    const talk = new Conversation({}, (call) => call.refuse(page));
    talk.visitor.pause();
    for (let round = 0; round < 40; round += 1) await talk.visit(GET.repeat(10));
    assert.ok(talk.tallies.length < 20, `${talk.tallies.length} answers wait`);
    assert.ok(unread(talk) < 200_000, `${unread(talk)} bytes wait`);
    talk.visitor.resume();
    for (let round = 0; round < 400 && talk.tallies.length < 400; round += 1) await talk.pass();
    assert.equal(talk.tallies.length, 400);
  });

  it('slow read: a pipeline that is not read for too long is cut', async () => {
    const talk = new Conversation({}, (call) => call.refuse(page));
    talk.visitor.pause();
    await talk.visit(GET.repeat(50));
    assert.ok(unread(talk) < 90_000);
    await talk.pass(90_000);
    assert.ok(talk.ours.destroyed);
  });

  const closing = GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  /** An answer of which the last piece waits for the visitor to read the first. */
  const longAnswer = async (talk: Conversation): Promise<void> => {
    talk.visitor.pause();
    await talk.visit(closing);
    await talk.answer(`HTTP/1.1 200 OK\r\nContent-Length: 180000\r\n\r\n`);
    for (let piece = 0; piece < 3; piece += 1) await talk.answer('z'.repeat(60_000));
    assert.ok(unread(talk) > 0);
    assert.equal(talk.tallies.length, 1);
  };
  const bodyBytes = (talk: Conversation): number => talk.heard.length - talk.heard.indexOf('\r\n\r\n') - 4;

  it('slow read: the last answer of a connection is not cut short while it is being read', async () => {
    const talk = new Conversation();
    await longAnswer(talk);
    await talk.pass(10_000);
    talk.visitor.resume();
    await talk.pass();
    assert.equal(bodyBytes(talk), 180_000);
    assert.ok(talk.ended);
    // And then it ends, though the visitor never does.
    await talk.pass(2_001);
    assert.ok(talk.ours.destroyed);
  });

  it('slow read: behind a relay, where a last answer may lie longer, a cut of ours does not overtake it', async () => {
    const talk = new Conversation({}, undefined, 'relay');
    talk.visitor.removeAllListeners('end');
    await talk.visit(closing);
    await talk.answer(OK);
    await talk.pass(30_000);
    assert.ok(!talk.ours.destroyed);
    await talk.pass(30_001);
    assert.ok(talk.ours.destroyed);
  });

  it('slow read: a visitor who half-closes meanwhile still gets all of a long last answer', async () => {
    const talk = new Conversation();
    await longAnswer(talk);
    talk.visitor.end();
    await talk.pass();
    talk.visitor.resume();
    await talk.pass();
    assert.equal(bodyBytes(talk), 180_000);
    assert.ok(talk.ours.destroyed);
  });

  it('slow read: who never reads the last answer is cut all the same', async () => {
    const talk = new Conversation();
    await longAnswer(talk);
    const ms = unread(talk);
    await talk.pass(ms - 1);
    assert.ok(!talk.ours.destroyed, 'one buffer after the other, at a thousand bytes a second');
    await talk.pass(1);
    assert.ok(talk.ours.destroyed);
  });

  /** The service goes on as long as it is read; the visitor reads nothing, and sends something every ten seconds. Returns how long that went well. */
  const unreadWhileSending = async (talk: Conversation, answer: string, sent: string): Promise<number> => {
    talk.visitor.pause();
    await talk.answer(answer);
    for (let piece = 0; piece < 4; piece += 1) await talk.answer('z'.repeat(60_000));
    assert.ok(unread(talk) > 60_000 && unread(talk) < 200_000);
    let passed = 0;
    for (; passed < 3_600_000 && !talk.ours.destroyed; passed += 10_000) {
      await talk.visit(sent);
      await talk.pass(10_000);
    }
    assert.equal(talk.tallies[0]?.code, 'stream-idle');
    return passed;
  };
  const upgrade = GET.replace(
    '\r\n\r\n',
    '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

  it('slow read: who sends a body meanwhile, or frames of a WebSocket, gets no more time to read', async () => {
    const uploading = new Conversation();
    await uploading.visit(`${GET.replace('GET', 'POST').replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n')}5\r\nhello\r\n`);
    await uploading.pass(5_000);
    const endless = 'HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n';
    assert.ok((await unreadWhileSending(uploading, endless, `1000\r\n${'x'.repeat(4_096)}\r\n`)) <= 200_000);
    const upgraded = new Conversation();
    await upgraded.visit(upgrade);
    assert.ok((await unreadWhileSending(upgraded, switching, 'a frame')) <= 200_000);
  });

  it('slow read: who reads each buffer in time is never cut, however long it takes', async () => {
    const talk = new Conversation();
    await talk.visit(GET);
    await talk.answer('HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n');
    for (let round = 0; round < 12; round += 1) {
      talk.visitor.pause();
      for (let piece = 0; piece < 4; piece += 1) await talk.answer('z'.repeat(60_000));
      await talk.pass(unread(talk) - 1_000);
      talk.visitor.resume();
      await talk.pass();
    }
    // And then little by little, with nothing that waits.
    for (let round = 0; round < 10; round += 1) {
      await talk.answer('z');
      await talk.pass(50_000);
    }
    assert.ok(!talk.ours.destroyed);
  });

  it('slow read: what a visitor sends behind the last answer ends the waiting for it', async () => {
    const talk = new Conversation({ lingerBytesMax: 100 });
    await longAnswer(talk);
    await talk.visit('x'.repeat(200));
    assert.ok(talk.ours.destroyed);
  });
});

describe('stuck exchanges', () => {
  it('an early answer to an upload that waits for its service lets the next request through', async () => {
    const talk = new Conversation();
    talk.stopReading = true;
    const length = 200_000;
    await talk.visit(`POST /a HTTP/1.1\r\nHost: blog.example\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`);
    await talk.answer('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
    assert.match(talk.heard, /^HTTP\/1\.1 413/);
    talk.stopReading = false;
    await talk.visit(GET);
    assert.equal(talk.calls.length, 2);
    await talk.answer(OK);
    assert.match(talk.heard, /ok$/);
  });
});

describe('half-close', () => {
  it('half-close: a whole upload that waits for its service is not taken for half of one', async () => {
    const talk = new Conversation();
    talk.stopReading = true;
    const length = 300_000;
    await talk.visit(`POST /a HTTP/1.1\r\nHost: blog.example\r\nContent-Length: ${length}\r\n\r\n`);
    for (let sent = 0; sent < length; sent += 60_000) talk.visitor.write('x'.repeat(60_000));
    talk.visitor.end();
    await talk.pass();
    talk.service.resume();
    await talk.pass();
    await talk.answer(OK);
    assert.match(talk.heard, /^HTTP\/1\.1 200/);
    assert.ok(talk.said.endsWith('x'.repeat(length)));
  });

  it('half-close: half an upload that waits for its service never looks whole', async () => {
    const talk = new Conversation();
    talk.stopReading = true;
    await talk.visit('POST /a HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 300001\r\n\r\n');
    for (let sent = 0; sent < 300_000; sent += 60_000) talk.visitor.write('x'.repeat(60_000));
    talk.visitor.end();
    await talk.pass();
    talk.service.resume();
    await talk.pass();
    assert.match(talk.heard, /^$/);
    assert.equal(talk.tallies[0]?.code, 'message-incomplete');
    assert.deepEqual(talk.released, [false]);
  });
});

describe('slowloris on bodies', () => {
  it('slowloris: a short body that dribbles has one deadline, however often it moves', async () => {
    const talk = new Conversation();
    await talk.visit('POST /a HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 100\r\n\r\n');
    for (let each = 0; each < 3; each += 1) {
      await talk.pass(25_000);
      await talk.visit('x').catch(() => undefined);
    }
    assert.match(talk.heard, /^HTTP\/1\.1 408/);
    assert.equal(talk.calls.length, 0);
  });

  it('clock: a system clock that is set back or forth moves no deadline', async () => {
    for (const jump of [-3_600_000, 3_600_000]) {
      const talk = new Conversation();
      talk.jump = jump;
      await talk.visit('GET /a HT');
      await talk.pass(9_900);
      assert.equal(talk.heard, '');
      await talk.pass(200);
      assert.match(talk.heard, /^HTTP\/1\.1 408/);
    }
  });

  it('a chunked body that dribbles reaches its service after a while, not at its end', async () => {
    const talk = new Conversation();
    await talk.visit('POST /a HTTP/1.1\r\nHost: blog.example\r\nTransfer-Encoding: chunked\r\n\r\n');
    await talk.pass(2_000);
    await talk.visit('1\r\nx\r\n');
    await talk.pass(2_000);
    await talk.visit('1\r\ny\r\n');
    await talk.pass(1_500);
    assert.match(talk.said, /^POST \/a/);
  });
});

describe('slow POST', () => {
  const post = (framing: string): string => `POST /a HTTP/1.1\r\nHost: blog.example\r\n${framing}\r\n\r\n`;
  const long = `${post('Content-Length: 9000000')}${'x'.repeat(16_384)}`;
  /** Sends `piece` every `everyMs` until the visitor is cut, or so long. */
  const dribble = async (talk: Conversation, piece: string, everyMs: number, untilMs = 3_600_000): Promise<number> => {
    let passed = 0;
    for (; passed < untilMs && talk.tallies.length === 0; passed += everyMs) {
      await talk.visit(piece);
      await talk.pass(everyMs);
    }
    return passed;
  };

  it('slow POST: a byte every 59 s holds no service, whatever the framing', async () => {
    for (const [start, piece] of [
      [long, 'x'],
      [`${post('Transfer-Encoding: chunked')}4000\r\n${'x'.repeat(16_384)}\r\n`, '1\r\nx\r\n'],
    ] as const) {
      const talk = new Conversation();
      await talk.visit(start);
      assert.equal(talk.services.length, 1);
      assert.ok((await dribble(talk, piece, 59_000)) <= 118_000);
      assert.deepEqual([talk.tallies[0]?.end, talk.tallies[0]?.code], ['unanswered', 'body-timed-out']);
      assert.deepEqual(talk.released, [false]);
    }
  });

  it('slow POST: a chunked body that dribbles from its first byte on has its grace, and then keeps the rate', async () => {
    const talk = new Conversation();
    await talk.visit(`${post('Transfer-Encoding: chunked')}1\r\nx\r\n`);
    await talk.pass(5_000);
    assert.match(talk.said, /^POST/);
    const passed = await dribble(talk, '1\r\nx\r\n', 1_000);
    assert.ok(passed >= 10_000 && passed <= 11_000, String(passed));
  });

  it('slow POST: who keeps the rate goes on for hours, evenly or in bursts', async () => {
    for (const [piece, everyMs] of [
      [250, 1_000],
      [14_400, 59_000],
    ] as const) {
      const talk = new Conversation();
      await talk.visit(long);
      assert.ok((await dribble(talk, 'x'.repeat(piece), everyMs, 1_000_000)) >= 1_000_000, `${piece} bytes`);
    }
  });

  it('slow POST: a service that does not read is not the visitor’s fault', async () => {
    const talk = new Conversation();
    talk.stopReading = true;
    await talk.visit(long);
    for (let piece = 0; piece < 5; piece += 1) await talk.visit('x'.repeat(60_000));
    await talk.pass(59_000);
    assert.equal(talk.tallies.length, 0);
    talk.service.resume();
    await talk.pass();
    assert.equal(talk.tallies.length, 0);
    assert.ok(talk.said.length > 300_000);
  });

  it('slow POST: who waits for a 100 has the time of the service', async () => {
    const talk = new Conversation();
    await talk.visit(post('Content-Length: 50000\r\nExpect: 100-continue'));
    await talk.pass(59_000);
    assert.equal(talk.tallies.length, 0);
    await talk.answer('HTTP/1.1 100 Continue\r\n\r\n');
    await talk.visit('x'.repeat(50_000));
    await talk.answer(OK);
    assert.match(talk.heard, /^HTTP\/1\.1 100 [^]*ok$/);
  });

  it('a chunked body may dribble once its service has begun to answer, as long as it moves', async () => {
    const talk = new Conversation();
    await talk.visit(`${post('Transfer-Encoding: chunked')}1\r\nx\r\n`);
    await talk.pass(5_000);
    await talk.answer('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    assert.ok((await dribble(talk, '1\r\nx\r\n', 50_000, 1_000_000)) >= 1_000_000);
    await talk.pass(60_001);
    assert.equal(talk.tallies[0]?.code, 'stream-idle');
  });
});

describe('connection-level auth', () => {
  it('connection-level auth reuse: a connection that signed one visitor in by NTLM or Negotiate carries nobody else', async () => {
    for (const scheme of ['NTLM TlRMTVNTUAAB', 'negotiate YIIB', 'Negotiate\tYIIB', 'Basic YTpi\r\nAuthorization: NTLM TlRMTVNTUAAB']) {
      const talk = new Conversation();
      await talk.visit(GET.replace('\r\n\r\n', `\r\nAuthorization: ${scheme}\r\n\r\n`));
      await talk.answer(OK);
      assert.match(talk.heard, /ok$/);
      assert.deepEqual(talk.released, [false], scheme);
    }
    const basic = new Conversation();
    await basic.visit(GET.replace('\r\n\r\n', '\r\nAuthorization: Bearer NTLM\r\n\r\n'));
    await basic.answer(OK);
    assert.deepEqual(basic.released, [true]);
  });
});

describe('bodies that are read whole', () => {
  const post = (length: number): string => `POST /hook HTTP/1.1\r\nHost: blog.example\r\nContent-Length: ${length}\r\n\r\n`;
  const chunked = 'POST /hook HTTP/1.1\r\nHost: blog.example\r\nTransfer-Encoding: chunked\r\n\r\n';

  it('slowloris: a body that is read whole has a while for all of it, not for each byte', async () => {
    const heard: (Uint8Array | null)[] = [];
    const talk = new Conversation({ bodyHeldBytesMax: 4 }, async (call) => {
      heard.push(await call.gather(1_000));
      return call.refuse({ status: 401, fields: [], body: null });
    });
    await talk.visit(`${post(100)}abcd`);
    for (let each = 0; each < 4; each += 1) {
      await talk.pass(25_000);
      await talk.visit('x');
    }
    assert.deepEqual(heard, [null]);
    assert.match(talk.heard, /^HTTP\/1\.1 401/);
  });

  it('memory: strangers together hold no more than the measure, and short bodies always have room', async () => {
    const limits = { gatheredBytesMax: 100_000 };
    const refusing = (heard: (number | null)[]) => async (call: Call) => {
      heard.push((await call.gather(1_000_000))?.length ?? null);
      return call.refuse({ status: 401, fields: [], body: null });
    };
    const talks = Array.from({ length: 4 }, () => {
      const heard: (number | null)[] = [];
      return { heard, talk: new Conversation(limits, refusing(heard)) };
    });
    for (const { talk } of talks) await talk.visit(post(60_001) + 'x'.repeat(60_000));
    assert.deepEqual(
      talks.map(({ heard }) => heard),
      [[], [], [null], [null]],
    );
    const short: (number | null)[] = [];
    await new Conversation(limits, refusing(short)).visit(post(10_000) + 'x'.repeat(10_000));
    assert.deepEqual(short, [10_000]);
    for (const { talk } of talks) await talk.visit('x');
    assert.deepEqual(
      talks.map(({ heard }) => heard),
      [[60_001], [60_001], [null], [null]],
    );
    // What ended has made room.
    const after: (number | null)[] = [];
    await new Conversation(limits, refusing(after)).visit(post(100_000) + 'x'.repeat(100_000));
    assert.deepEqual(after, [100_000]);
  });

  it('body swapped: what was read and not kept is never passed on without its beginning', async () => {
    const talk = new Conversation({}, async (call, conversation) => {
      assert.equal(await call.gather(20_000), null);
      return conversation.proceed(call);
    });
    await talk.visit(`${chunked}7530\r\n${'x'.repeat(30_000)}\r\n`);
    await talk.visit('0\r\n\r\n');
    assert.equal(talk.said, '');
    assert.deepEqual([talk.tallies[0]?.end, talk.tallies[0]?.code], ['unanswered', 'body-too-large']);
    assert.deepEqual(talk.released, [false]);
  });

  it('a body that says before that it is too long is passed on whole to whom another guard lets in', async () => {
    const talk = new Conversation({}, async (call, conversation) => {
      assert.equal(await call.gather(20_000), null);
      return conversation.proceed(call);
    });
    await talk.visit(post(30_000) + 'x'.repeat(30_000));
    assert.ok(talk.said.endsWith('x'.repeat(30_000)));
  });
});

describe('requests that may have been carried out', () => {
  it('replay: a POST without a body is not sent a second time when its kept connection breaks', async () => {
    const talk = new Conversation();
    talk.reused = true;
    await talk.visit('POST /pay HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 0\r\n\r\n');
    talk.service.destroy();
    await talk.pass();
    assert.equal(talk.tallies[0]?.end, 'unanswered');
  });
});
