/** What is thrown at HTTP/2: malformed requests, floods, and visitors who take their time. */

import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { test } from 'node:test';
import { hear, openHttp2Door, until, type Http2Door } from '../../../../test/doubles/http2-door.ts';
import {
  ack,
  bytesOf,
  endHeaders,
  endStream,
  fieldLines,
  frame,
  FrameVisitor,
  ordinary,
  uint32,
} from '../../../../test/doubles/http2-frames.ts';

type Context = Parameters<typeof openHttp2Door>[0];
type Fields = readonly (readonly [string, string])[];

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A service that answers what has a whole head. */
async function door(context: Context, limits: Parameters<typeof openHttp2Door>[2] = {}): Promise<Http2Door> {
  return openHttp2Door(
    context,
    (service, said) => {
      if (said.endsWith('\r\n\r\n')) service.write(OK);
    },
    limits,
  );
}

const without = (name: string): Fields => ordinary.filter(([each]) => each !== name);
const instead = (name: string, value: string): Fields => ordinary.map(([each, was]) => [each, each === name ? value : was]);

/** What has two readings somewhere behind us, or none by RFC 9113, 8. */
const malformed: Readonly<Record<string, Fields>> = {
  'no :method': without(':method'),
  'no :scheme': without(':scheme'),
  'no :path': without(':path'),
  'an empty :path': instead(':path', ''),
  'two :path': [...ordinary, [':path', '/b']],
  'two :authority': [ordinary[3], ...ordinary],
  'an unknown pseudo-header field': [...ordinary, [':evil', '1']],
  ':status in a request': [...ordinary, [':status', '200']],
  'a pseudo-header field behind others': [...without(':path'), ['a', 'b'], [':path', '/a']],
  'a name in capitals': [...ordinary, ['X-A', 'b']],
  'transfer-encoding: chunked': [...ordinary, ['transfer-encoding', 'chunked']],
  'connection: close': [...ordinary, ['connection', 'close']],
  'upgrade: h2c': [...ordinary, ['upgrade', 'h2c']],
  'keep-alive': [...ordinary, ['keep-alive', '1']],
  'te: gzip': [...ordinary, ['te', 'gzip']],
  'a space before a value': [...ordinary, ['x-a', ' b']],
  'a space behind a value': [...ordinary, ['x-a', 'b ']],
  'two content-length': [...ordinary, ['content-length', '0'], ['content-length', '0']],
  'content-length without content': [...ordinary, ['content-length', '5']],
  'content-length: +5': [...ordinary, ['content-length', '+5']],
};

test('h2 to h1: what is malformed is reset, and its service hears nothing', async (context) => {
  const at = await door(context);
  for (const [what, fields] of Object.entries(malformed)) {
    const visitor = new FrameVisitor(at.port);
    visitor.request(1, fields);
    const end = await visitor.endOf(1);
    assert.ok(end === constants.NGHTTP2_PROTOCOL_ERROR || end === constants.NGHTTP2_ENHANCE_YOUR_CALM, `${what}: ${end}`);
    visitor.socket.destroy();
  }
  assert.equal(at.said(), '');
});

/** What is refused in words. */
const refused: Readonly<Record<string, readonly [Fields, number]>> = {
  'a space in :path': [instead(':path', '/a b'), 400],
  'a line end in :path': [instead(':path', '/a\r\nx:y'), 400],
  'a whole URL in :path': [instead(':path', 'http://evil.example/'), 400],
  'a fragment in :path': [instead(':path', '/a#b'), 400],
  'an asterisk without OPTIONS': [instead(':path', '*'), 400],
  'a long :path': [instead(':path', `/${'a'.repeat(9_000)}`), 414],
  'user info in :authority': [instead(':authority', 'a@blog.example'), 400],
  'an :authority that is none': [instead(':authority', 'blog.example/x'), 400],
  'another host': [[...ordinary, ['host', 'evil.example']], 400],
  'another port in host': [[...ordinary, ['host', 'blog.example:81']], 400],
  'two hosts': [[...ordinary, ['host', 'blog.example'], ['host', 'blog.example']], 400],
  'no host at all': [without(':authority'), 400],
  'a method in small letters': [instead(':method', 'get'), 501],
  CONNECT: [
    [
      [':method', 'CONNECT'],
      [':authority', 'blog.example:443'],
    ],
    501,
  ],
  'a long head': [[...ordinary, ['x-a', 'b'.repeat(8_000)], ['x-b', 'b'.repeat(8_000)], ['x-c', 'b'.repeat(8_000)]], 431],
  'many fields': [[...ordinary, ...Array.from({ length: 101 }, (_, index) => [`x-${index}`, ''] as const)], 431],
};

test('h2 to h1: what has no place or no end is refused in words, and its service hears nothing', async (context) => {
  const at = await door(context);
  for (const [what, [fields, status]] of Object.entries(refused)) {
    const visitor = new FrameVisitor(at.port);
    visitor.request(1, fields);
    const head = await visitor.until(({ type, id }) => (type === frame.headers || type === frame.reset) && id === 1);
    // nghttp2 resets some of them before we see them.
    if (head?.type === frame.headers) assert.equal(at.refusals.length > 0, true, what);
    else assert.ok(head === null || head.payload.readUInt32BE(0) !== 0, `${what} (${status})`);
    visitor.socket.destroy();
  }
  assert.equal(at.said(), '');
});

test('h2 to h1: content beyond or below its length ends the request, and no service sees it whole', async (context) => {
  const at = await openHttp2Door(context, () => undefined, { limits: { bodyHeldBytesMax: 4 } });
  for (const content of ['abcdefgh', 'abcdefghijklm']) {
    const visitor = new FrameVisitor(at.port);
    visitor.request(1, [...instead(':method', 'POST'), ['content-length', '10']], endHeaders);
    visitor.send(frame.data, endStream, 1, content);
    // nghttp2 ends the connection for the second.
    assert.notEqual(await visitor.endOf(1), constants.NGHTTP2_NO_ERROR);
    visitor.socket.destroy();
  }
  assert.doesNotMatch(at.said(), /abcdefghij/);
});

test('h2 to h1: trailers with pseudo-header fields or control characters end the request', async (context) => {
  const at = await openHttp2Door(context, () => undefined, { limits: { bodyHeldBytesMax: 4 } });
  for (const trailer of [
    [':path', '/b'],
    ['transfer-encoding', 'chunked'],
  ] as const) {
    const visitor = new FrameVisitor(at.port);
    visitor.request(1, instead(':method', 'POST'), endHeaders);
    visitor.send(frame.data, 0, 1, 'abcdefgh');
    visitor.send(frame.headers, endHeaders + endStream, 1, fieldLines([trailer]));
    assert.notEqual(await visitor.endOf(1), 0);
    visitor.socket.destroy();
  }
  assert.doesNotMatch(at.said(), /\r\n0\r\n/);
});

/** Writes until the connection ends, and looks that it does so within a second and little memory. Says how soon, and how much. */
async function flood(at: Http2Door, visitor: FrameVisitor, piece: (round: number) => Buffer): Promise<string> {
  const began = performance.now();
  const before = process.memoryUsage.rss();
  visitor.frames.length = 0;
  for (let round = 0; !visitor.closed && performance.now() - began < 3_000; round += 1) {
    if (!visitor.socket.write(piece(round)))
      await Promise.race([until(() => visitor.closed), new Promise((done) => visitor.socket.once('drain', done))]);
    else await new Promise((done) => setImmediate(done));
    visitor.frames.length = Math.min(visitor.frames.length, 5_000);
  }
  assert.ok(visitor.closed, 'it goes on');
  // A second for us, and one for a busy machine.
  assert.ok(performance.now() - began < 2_000, 'it was cut late');
  assert.ok(process.memoryUsage.rss() - before < 100_000_000, 'it took memory');
  const took = `cut after ${Math.round(performance.now() - began)} ms, ${Math.round((process.memoryUsage.rss() - before) / 1e6)} MB of memory`;
  await until(() => at.open() === 0);
  return took;
}

const many = (one: Buffer): Buffer => Buffer.concat(Array.from({ length: 200 }, () => one));

/** Frames that cost their sender nothing (RFC 9113, 10.5). */
const floods: Readonly<Record<string, (round: number) => Buffer>> = {
  'PING flood (CVE-2019-9512)': () => many(bytesOf(frame.ping, 0, 0, '12345678')),
  'SETTINGS flood (CVE-2019-9515)': () => many(bytesOf(frame.settings, 0, 0)),
  'window flood': () => many(bytesOf(frame.window, 0, 0, uint32(1))),
  'stream window flood': (round) =>
    Buffer.concat([
      round === 0 ? bytesOf(frame.headers, endHeaders, 1, fieldLines(instead(':method', 'POST'))) : Buffer.alloc(0),
      many(bytesOf(frame.window, 0, 1, uint32(1))),
    ]),
  'SETTINGS flood of table sizes': (round) =>
    many(bytesOf(frame.settings, 0, 0, Buffer.concat([Buffer.from([0, 1]), uint32(round % 2 === 0 ? 0 : 4_096)]))),
  'empty names flood (CVE-2019-9516)': (round) =>
    Buffer.concat(
      Array.from({ length: 50 }, (_, index) =>
        bytesOf(frame.headers, endHeaders + endStream, (round * 50 + index) * 2 + 1, fieldLines([...ordinary, ['', '']])),
      ),
    ),
  'priority flood (CVE-2019-9513)': () => many(bytesOf(frame.priority, 0, 3, Buffer.alloc(5))),
  'unknown frames flood': () => many(bytesOf(77, 0, 0, '')),
  'PING ack flood': () => many(bytesOf(frame.ping, ack, 0, '12345678')),
  'rapid reset (CVE-2023-44487)': (round) =>
    Buffer.concat(
      Array.from({ length: 100 }, (_, index) => {
        const id = (round * 100 + index) * 2 + 1;
        return Buffer.concat([
          bytesOf(frame.headers, endHeaders + endStream, id, fieldLines(ordinary)),
          bytesOf(frame.reset, 0, id, uint32(8)),
        ]);
      }),
    ),
  'made you reset (CVE-2025-8671)': (round) =>
    Buffer.concat(
      Array.from({ length: 50 }, (_, index) => {
        const id = (round * 50 + index) * 2 + 1;
        return Buffer.concat([
          bytesOf(frame.headers, endHeaders + endStream, id, fieldLines(ordinary)),
          bytesOf(frame.window, 0, id, uint32(0)),
        ]);
      }),
    ),
  'malformed requests flood': (round) =>
    Buffer.concat(
      Array.from({ length: 50 }, (_, index) =>
        bytesOf(frame.headers, endHeaders + endStream, (round * 50 + index) * 2 + 1, fieldLines([...ordinary, ['x-a', 'b ']])),
      ),
    ),
  'empty DATA flood (CVE-2019-9518)': (round) =>
    Buffer.concat([
      round === 0 ? bytesOf(frame.headers, endHeaders, 1, fieldLines(instead(':method', 'POST'))) : Buffer.alloc(0),
      many(bytesOf(frame.data, 0, 1)),
    ]),
  'CONTINUATION flood (CVE-2024-27316)': (round) =>
    Buffer.concat([
      round === 0 ? bytesOf(frame.headers, endStream, 1, fieldLines(ordinary)) : Buffer.alloc(0),
      many(bytesOf(frame.continuation, 0, 1, fieldLines([['x-a', 'b'.repeat(100)]]))),
    ]),
};

for (const [name, piece] of Object.entries(floods)) {
  test(`${name}: cut within a second, and others are served`, async (context) => {
    const at = await door(context);
    const other = at.client();
    const served = await hear(other.request({ ':path': '/', ':authority': 'blog.example' }));
    assert.equal(served.status, 200);
    const visitor = new FrameVisitor(at.port);
    await visitor.until(({ type, flags }) => type === frame.settings && flags === ack);
    const flooding = flood({ ...at, open: () => at.open() - 1 }, visitor, piece);
    assert.equal((await hear(other.request({ ':path': '/', ':authority': 'blog.example' }))).status, 200);
    context.diagnostic(`${name}: ${await flooding}`);
    assert.equal((await hear(other.request({ ':path': '/', ':authority': 'blog.example' }))).status, 200);
  });
}

test('HPACK bomb: what unpacks to more than a head may be is reset, and memory stays', async (context) => {
  const at = await door(context);
  const visitor = new FrameVisitor(at.port);
  const before = process.memoryUsage.rss();
  // One entry of 4,000 octets in the table, then named 8,000 times in one octet each.
  const entry = Buffer.concat([Buffer.from([0x40]), fieldLines([['x', 'b'.repeat(3_900)]]).subarray(1)]);
  for (let id = 1; id < 40 && !visitor.closed; id += 2) {
    const block = Buffer.concat([fieldLines(ordinary), ...(id === 1 ? [entry] : []), Buffer.alloc(8_000, 0xbe)]);
    visitor.send(frame.headers, endHeaders + endStream, id, block);
  }
  assert.notEqual(await visitor.endOf(1), 0);
  assert.ok(process.memoryUsage.rss() - before < 50_000_000);
  assert.equal(at.said(), '');
  visitor.socket.destroy();
});

test('streams at once: one more than allowed is refused, and those that run go on; who has acknowledged the number and goes beyond it is ended', async (context) => {
  const at = await openHttp2Door(context, () => undefined, { limits: { http2StreamsMax: 10 } });
  const visitor = new FrameVisitor(at.port);
  for (let id = 1; id <= 21; id += 2) visitor.request(id);
  const reset = await visitor.until(({ type }) => type === frame.reset);
  assert.deepEqual([reset?.id, reset?.payload.readUInt32BE(0)], [21, constants.NGHTTP2_REFUSED_STREAM]);
  await until(() => at.calls.length === 10);
  visitor.send(frame.settings, ack, 0);
  visitor.request(23);
  assert.notEqual(await visitor.until(({ type }) => type === frame.goaway), null);
});

test('slow read: a window of nothing holds no stream for ever, and no more memory than its own', async (context) => {
  const at = await openHttp2Door(
    context,
    (service, said) => {
      if (said.endsWith('\r\n\r\n')) service.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`);
    },
    { limits: { idleMs: 300, answerBytesPerSecondMin: 10_000_000 } },
  );
  // SETTINGS_INITIAL_WINDOW_SIZE: 0.
  const visitor = new FrameVisitor(at.port, Buffer.from([0, 4, 0, 0, 0, 0]));
  visitor.request(1);
  assert.notEqual(await visitor.endOf(1), 0);
  assert.equal(at.tallies[0]?.code, 'stream-idle');
  visitor.socket.destroy();
});

test('slow POST: a body that dribbles is ended', async (context) => {
  const at = await openHttp2Door(context, () => undefined, { limits: { idleMs: 300 } });
  const visitor = new FrameVisitor(at.port);
  visitor.request(1, [...instead(':method', 'POST'), ['content-length', '1000']], endHeaders);
  const dribble = setInterval(() => visitor.send(frame.data, 0, 1, 'x'), 20);
  const head = await visitor.until(({ type }) => type === frame.headers);
  clearInterval(dribble);
  assert.notEqual(head, null);
  assert.deepEqual(at.refusals, ['body-timed-out']);
  visitor.socket.destroy();
});

test('slowloris: who says a preface and no request is ended', async (context) => {
  const at = await openHttp2Door(context, () => undefined, { limits: { headMs: 100 } });
  const visitor = new FrameVisitor(at.port);
  visitor.send(frame.headers, 0, 1, fieldLines(ordinary));
  assert.equal(await visitor.endOf(1), constants.NGHTTP2_NO_ERROR);
  await until(() => at.open() === 0);
});

test('dead peers: who does not answer a ping while streams run is ended', async (context) => {
  const at = await openHttp2Door(context, () => undefined, { limits: { http2PingMs: 100 } });
  const visitor = new FrameVisitor(at.port);
  visitor.request(1);
  assert.notEqual(await visitor.until(({ type }) => type === frame.ping), null);
  await until(() => at.open() === 0);
  assert.equal(at.tallies[0]?.code, 'visitor-gone');
});

test('an upload that waits for its service is no flood', async (context) => {
  const at = await openHttp2Door(
    context,
    (service, said) => {
      if (said.length < 40_000 && !service.isPaused()) {
        service.pause();
        setTimeout(() => service.resume(), 1_300);
      } else if (said.length > 3_000_000) service.write(OK);
    },
    { limits: { http2WasteBytesPerSecondMax: 1_000 } },
  );
  const stream = at.client().request({ ':path': '/', ':authority': 'blog.example', ':method': 'POST', 'content-length': 3_000_000 });
  stream.end(Buffer.alloc(3_000_000, 'x'));
  assert.equal((await hear(stream)).status, 200);
});

test('an upload that was refused early is no flood', async (context) => {
  const at = await openHttp2Door(context, () => undefined, { decide: (call) => call.refuse({ status: 401, fields: [], body: 'no' }) });
  const client = at.client();
  for (let round = 0; round < 5; round += 1) {
    const stream = client.request({ ':path': '/', ':authority': 'blog.example', ':method': 'POST' });
    stream.end(Buffer.alloc(1_000_000, 'x'));
    assert.equal((await hear(stream)).status, 401);
  }
  await new Promise((done) => setTimeout(done, 1_100));
  assert.deepEqual(at.refusals, []);
  assert.equal((await hear(client.request({ ':path': '/', ':authority': 'blog.example' }))).status, 401);
});
