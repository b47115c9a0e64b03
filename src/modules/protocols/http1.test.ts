import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call, Tally } from '../../contracts/protocol.ts';
import { Conversation } from '../../../test/doubles/conversation.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: blog.example\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const body = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

test('carries a request to the service and its answer back, and reads the next request then', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  assert.match(talk.said, /^GET \/a HTTP\/1\.1\r\n/);
  await talk.answer(OK);
  assert.equal(body(talk.heard), 'ok');
  assert.deepEqual(talk.released, [true]);
  talk.heard = '';
  await talk.visit(GET);
  await talk.answer(OK);
  assert.equal(body(talk.heard), 'ok');
  assert.deepEqual(
    talk.tallies.map((each) => [each.status, each.end, each.bytesOut]),
    [
      [200, 'done', 2],
      [200, 'done', 2],
    ],
  );
});

test('serves pipelined requests in their order, the second only when the first has ended', async () => {
  const talk = new Conversation();
  await talk.visit(GET + GET.replace('/a', '/b'));
  assert.equal(talk.calls.length, 1);
  await talk.answer(OK);
  assert.equal(talk.calls.length, 2);
  await talk.answer(OK.replace('ok', 'OK'));
  assert.equal(talk.heard.match(/ok|OK$/g)?.join(' '), 'ok OK');
});

test('CL.0 and early answers: the rest of a body is never parsed as a request', async () => {
  const talk = new Conversation({ bodyHeldBytesMax: 4 });
  await talk.visit('POST /a HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 100\r\n\r\nabcd');
  await talk.answer('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
  await talk.visit('GET /smuggled HTTP/1.1\r\nHost: blog.example\r\n\r\n');
  assert.match(talk.heard, /connection: close/i);
  assert.equal(talk.calls.length, 1);
  assert.deepEqual(talk.released, [false]);
  assert.ok(talk.ended);
});

test('0.CL: a refusal of a request whose body was not read closes the connection', async () => {
  const refuse = (call: Call): Promise<Tally> => call.refuse({ status: 401, fields: [], body: 'no' });
  const talk = new Conversation({ bodyHeldBytesMax: 4 }, refuse);
  await talk.visit('POST /a HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 60\r\n\r\nabcdGET /x HTTP/1.1\r\nHost: blog.example\r\n\r\n');
  assert.match(talk.heard, /^HTTP\/1\.1 401 /);
  assert.match(talk.heard, /connection: close/i);
  assert.equal(talk.calls.length, 1);
});

test('response-queue poisoning: what follows a complete answer is never given to the next visitor', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  await talk.answer(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
  assert.deepEqual(talk.released, [false]);
  assert.doesNotMatch(talk.heard, /evil/);
});

test('an answer that breaks off breaks the visitor’s connection: half of it is no whole', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  await talk.answer('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  talk.service.destroy();
  await talk.pass();
  assert.deepEqual(
    talk.tallies.map((each) => each.code),
    ['upstream-broken'],
  );
  assert.ok(talk.visitor.destroyed || talk.ended || !talk.visitor.readable);
});

test('a kept connection that turns out to be closed leaves the exchange untouched, a fresh one does not', async () => {
  for (const reused of [true, false]) {
    const talk = new Conversation({}, async (call, conversation) => {
      conversation.reused = reused;
      const pending = conversation.proceed(call);
      conversation.service.destroy();
      const tally = await pending;
      await call.refuse({ status: 502, fields: [], body: null });
      return tally;
    });
    await talk.visit(GET);
    assert.equal(talk.tallies[0]?.end, reused ? 'untouched' : 'unanswered');
    assert.match(talk.heard, /^HTTP\/1\.1 502 /);
  }
});

test('a service that switches protocols unasked is refused', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  await talk.answer('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  assert.equal(talk.heard, '');
});

test('a WebSocket is bytes both ways, each side ending its own', async () => {
  const talk = new Conversation();
  await talk.visit(
    'GET /ws HTTP/1.1\r\nHost: blog.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  assert.match(talk.said, /upgrade: websocket/i);
  await talk.answer(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello',
  );
  assert.equal(body(talk.heard), 'hello');
  talk.said = '';
  await talk.visit('\x81\x00\r\n\r\nGET / HTTP/1.1\r\n\r\n');
  assert.equal(talk.said, '\x81\x00\r\n\r\nGET / HTTP/1.1\r\n\r\n');
  talk.service.end();
  talk.visitor.end();
  await talk.pass();
  assert.deepEqual(
    talk.tallies.map((each) => [each.status, each.code]),
    [[101, null]],
  );
});

test('a refused upgrade stays HTTP', async () => {
  const talk = new Conversation();
  await talk.visit(
    'GET /ws HTTP/1.1\r\nHost: blog.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await talk.answer('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  await talk.visit(GET);
  assert.equal(talk.calls.length, 2);
});

test('100-continue: the head goes ahead, the service’s 100 comes back, then the body flows', async () => {
  const talk = new Conversation();
  await talk.visit('PUT /a HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  assert.match(talk.said, /expect: 100-continue/i);
  await talk.answer('HTTP/1.1 100 Continue\r\n\r\n');
  assert.match(talk.heard, /^HTTP\/1\.1 100 /);
  await talk.visit('hello');
  await talk.answer(OK);
  assert.match(talk.said, /\r\n\r\nhello$/);
  assert.deepEqual(
    talk.tallies.map((each) => [each.status, each.bytesIn]),
    [[200, 5]],
  );
});

test('an answer to HEAD has a length and no body', async () => {
  const talk = new Conversation();
  await talk.visit(GET.replace('GET', 'HEAD'));
  await talk.answer('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n');
  assert.match(talk.heard, /content-length: 1234/i);
  assert.deepEqual(talk.released, [true]);
});

test('a body without a length reaches the visitor in chunks whose end is known', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  await talk.answer('HTTP/1.1 200 OK\r\n\r\nabc');
  talk.service.end();
  await talk.pass();
  assert.match(talk.heard, /transfer-encoding: chunked/i);
  assert.equal(body(talk.heard), '3\r\nabc\r\n0\r\n\r\n');
});

test('a visitor of HTTP/1.0 gets a chunked answer to the end of the connection', async () => {
  const talk = new Conversation();
  await talk.visit('GET / HTTP/1.0\r\nHost: blog.example\r\n\r\n');
  await talk.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
  assert.equal(body(talk.heard), 'abc');
  assert.ok(talk.ended);
});

test('HTTP/1.0: who names no host asks for the service by its own authority, never by a name that it takes for itself', async () => {
  const talk = new Conversation();
  await talk.visit('GET / HTTP/1.0\r\n\r\n');
  assert.deepEqual(talk.said.match(/^Host: .*$/gim), ['Host: app.internal:3000']);
  assert.doesNotMatch(talk.said, /localhost/);
});

test('a chunked body is read strictly and written anew', async () => {
  const talk = new Conversation();
  await talk.visit('POST / HTTP/1.1\r\nHost: blog.example\r\nTransfer-Encoding: chunked\r\n\r\n0003\r\nabc\r\n1\r\nd\r\n0\r\n\r\n');
  // What was held is one chunk: where the visitor cut it says nothing (RFC 9112, 7.1).
  assert.equal(body(talk.said), '4\r\nabcd\r\n0\r\n\r\n');
});

test('slowloris: a head that is dribbled is answered 408 and closed', async () => {
  const talk = new Conversation();
  await talk.visit('GET / HT');
  await talk.pass(5_000);
  await talk.visit('TP/1.1\r\nHost: a');
  await talk.pass(5_001);
  assert.match(talk.heard, /^HTTP\/1\.1 408 /);
  assert.deepEqual(talk.refusals, ['head-timed-out']);
});

test('an idle connection is closed without a word', async () => {
  const talk = new Conversation();
  await talk.pass(10_001);
  assert.equal(talk.heard, '');
  assert.ok(talk.visitor.destroyed || talk.ended || talk.visitor.closed || !talk.visitor.writable || talk.calls.length === 0);
});

test('a body that never completes never reaches the service', async () => {
  const talk = new Conversation();
  await talk.visit('POST / HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 10\r\n\r\nabc');
  await talk.pass(60_001);
  assert.equal(talk.calls.length, 0);
  assert.match(talk.heard, /^HTTP\/1\.1 408 /);
});

test('a visitor who leaves in the middle of a body is not passed on', async () => {
  const talk = new Conversation();
  await talk.visit('POST / HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 10\r\n\r\nabc');
  talk.visitor.end();
  await talk.pass();
  assert.equal(talk.calls.length, 0);
  assert.deepEqual(talk.refusals, ['message-incomplete']);
});

test('a visitor who half-closes after a whole request still gets its answer', async () => {
  const talk = new Conversation();
  talk.visitor.end(GET);
  await talk.pass();
  await talk.answer(OK);
  assert.equal(body(talk.heard), 'ok');
  assert.ok(talk.ended);
});

test('a service that sends nothing but interim answers is cut', async () => {
  const talk = new Conversation({}, async (call, conversation) => {
    const tally = await conversation.proceed(call);
    await call.refuse({ status: 502, fields: [], body: null });
    return tally;
  });
  await talk.visit(GET);
  await talk.answer('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100));
  assert.equal(talk.tallies[0]?.status, null);
  assert.match(talk.heard, /HTTP\/1\.1 502 /);
});

test('a service that does not answer in time is given up', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  await talk.pass(120_001);
  assert.deepEqual(
    talk.tallies.map((each) => [each.code, each.end]),
    [['upstream-timed-out', 'unanswered']],
  );
});

test('backpressure: a visitor who does not read stops the service, in bounded memory', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  talk.visitor.pause();
  talk.service.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
  let written = 0;
  const block = Buffer.alloc(65_536);
  while (written < 50_000_000 && talk.service.write(block)) {
    written += block.length;
    await talk.pass();
  }
  assert.ok(written < 1_000_000, `${written} bytes were taken for a visitor who reads none`);
});

test('the next visitor’s bytes are kept back while an exchange runs, not gathered without end', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  let written = 0;
  const flood = Buffer.from(GET.repeat(1_000));
  while (written < 50_000_000 && talk.visitor.write(flood)) {
    written += flood.length;
    await talk.pass();
  }
  assert.ok(written < 1_000_000, `${written} bytes were kept for later`);
});

test('cutting ends both sides at once', async () => {
  const talk = new Conversation();
  await talk.visit(GET);
  await talk.answer('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  talk.calls[0]?.cut('exchange-cut');
  await talk.pass();
  assert.deepEqual(
    talk.tallies.map((each) => each.code),
    ['exchange-cut'],
  );
  assert.deepEqual(talk.released, [false]);
});

test('forms and signatures read a body whole, up to a measure', async () => {
  const talk = new Conversation({}, async (call) => {
    const bytes = await call.gather(5);
    return call.refuse({ status: 200, fields: [], body: bytes === null ? 'too long' : Buffer.from(bytes).toString() });
  });
  await talk.visit('POST / HTTP/1.1\r\nHost: blog.example\r\nContent-Length: 5\r\n\r\nhello');
  assert.equal(body(talk.heard), 'hello');
  talk.heard = '';
  await talk.visit('POST / HTTP/1.1\r\nHost: blog.example\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n0\r\n\r\n');
  assert.equal(body(talk.heard), 'too long');
});

test('a request that may go no further is answered here', async () => {
  const talk = new Conversation();
  await talk.visit('OPTIONS / HTTP/1.1\r\nHost: blog.example\r\nMax-Forwards: 0\r\n\r\n');
  assert.match(talk.heard, /^HTTP\/1\.1 204 /);
  await talk.visit('TRACE / HTTP/1.1\r\nHost: blog.example\r\nMax-Forwards: 0\r\n\r\n');
  assert.match(talk.heard, /HTTP\/1\.1 405 /);
  assert.equal(talk.said, '');
});
