import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { Call, Tally } from '../../contracts/protocol.ts';
import { hear, openHttp2Door, until } from '../../../test/doubles/http2-door.ts';
import { endHeaders, frame, FrameVisitor, ordinary, uint32 } from '../../../test/doubles/http2-frames.ts';

const GET = { ':path': '/a', ':authority': 'blog.example' };
const POST = { ...GET, ':method': 'POST' };
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';

/** Answers each request once its head is there. */
const answering =
  (text: string) =>
  (service: Socket, said: string): void => {
    if (said.endsWith('\r\n\r\n')) service.write(text, 'latin1');
  };

test('carries a request to the service in HTTP/1.1, and its answer back', async (context) => {
  const door = await openHttp2Door(context, answering(OK));
  const heard = await hear(door.client().request({ ...GET, 'user-agent': 'test' }));
  assert.equal(heard.status, 200);
  assert.equal(heard.body, 'ok');
  assert.equal(heard.fields['content-length'], '2');
  assert.equal(heard.fields['via'], '1.1 sallyport');
  assert.match(door.said(), /^GET \/a HTTP\/1\.1\r\nHost: blog\.example\r\nuser-agent: test\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
  assert.match(door.said(), /\r\nVia: 2\.0 sallyport\r\n/);
  assert.deepEqual(
    door.tallies.map(({ status, bytesOut, end, code }) => [status, bytesOut, end, code]),
    [[200, 2, 'done', null]],
  );
});

test('many streams of one connection are exchanges of their own', async (context) => {
  const door = await openHttp2Door(context, (service, said) => {
    const path = /^GET (\S+) /.exec(said)?.[1] ?? '';
    if (said.endsWith('\r\n\r\n') && path !== '/never') service.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
  });
  const client = door.client();
  const never = client.request({ ...GET, ':path': '/never' });
  const all = await Promise.all(Array.from({ length: 50 }, (_, index) => hear(client.request({ ...GET, ':path': `/${index}` }))));
  assert.deepEqual(
    all.map(({ body }) => body),
    Array.from({ length: 50 }, (_, index) => `/${index}`),
  );
  never.close();
  await once(never, 'close');
});

test('a body with a length goes on with it, and one without in chunks', async (context) => {
  const door = await openHttp2Door(context, (service, said) => {
    if (said.endsWith('abc') || said.endsWith('0\r\n\r\n')) service.write(OK);
  });
  const client = door.client();
  const sized = client.request({ ...POST, 'content-length': 3 });
  sized.end('abc');
  assert.equal((await hear(sized)).status, 200);
  const open = client.request(POST);
  open.end('abc');
  assert.equal((await hear(open)).status, 200);
  assert.match(door.said(), /Content-Length: 3\r\n\r\nabcPOST/);
  assert.match(door.said(), /Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
});

test('a long body waits while its service does not read, and arrives whole', async (context) => {
  const bytes = 3_000_000;
  const door = await openHttp2Door(context, (service, said) => {
    if (said.length < 100_000 && !service.isPaused()) {
      service.pause();
      setTimeout(() => service.resume(), 50);
    }
    if (said.length > bytes) service.write(OK);
  });
  const stream = door.client().request({ ...POST, 'content-length': bytes });
  stream.end(Buffer.alloc(bytes, 'x'));
  assert.equal((await hear(stream)).status, 200);
  assert.deepEqual(
    door.tallies.map(({ bytesIn, code }) => [bytesIn, code]),
    [[bytes, null]],
  );
});

test('a long answer waits while its visitor does not read, and arrives whole', async (context) => {
  const bytes = 3_000_000;
  const door = await openHttp2Door(context, (service, said) => {
    if (said.endsWith('\r\n\r\n')) service.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`);
  });
  const stream = door.client().request(GET);
  await once(stream, 'response');
  const heard = await hear(stream);
  assert.equal(heard.body.length, bytes);
});

test('HEAD, 204 and 304 have no content, and what their heads say stays', async (context) => {
  const door = await openHttp2Door(context, (service, said) => {
    if (!said.endsWith('\r\n\r\n')) return;
    if (said.startsWith('HEAD')) service.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n');
    else if (said.startsWith('GET /204')) service.write('HTTP/1.1 204 No Content\r\n\r\n');
    else service.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\n\r\n');
  });
  const client = door.client();
  const [head, none, unchanged] = await Promise.all([
    hear(client.request({ ...GET, ':method': 'HEAD' })),
    hear(client.request({ ...GET, ':path': '/204' })),
    hear(client.request({ ...GET, ':path': '/304' })),
  ]);
  assert.deepEqual([head.status, head.body, head.fields['content-length']], [200, '', '7']);
  assert.deepEqual([none.status, none.body, none.fields['content-length']], [204, '', undefined]);
  assert.deepEqual([unchanged.status, unchanged.fields['etag'], unchanged.fields['content-length']], [304, '"x"', '9']);
});

test('interim answers go through, 100 among them', async (context) => {
  const door = await openHttp2Door(context, (service, said) => {
    if (said.endsWith('\r\n\r\n')) service.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    if (said.endsWith('abc')) service.write(OK);
  });
  const stream = door.client().request({ ...POST, 'content-length': 3, expect: '100-continue' });
  stream.once('continue', () => stream.end('abc'));
  const heard = await hear(stream);
  assert.deepEqual([heard.status, heard.interim], [200, [100, 103]]);
});

test('trailers go both ways where they are asked for', async (context) => {
  const door = await openHttp2Door(context, (service, said) => {
    if (said.endsWith('x-sum: 7\r\n\r\n'))
      service.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 0\r\nSet-Cookie: a=b\r\n\r\n');
  });
  const stream = door.client().request({ ...POST, te: 'trailers' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7', host: 'evil.example' }));
  stream.end('abc');
  const heard = await hear(stream);
  assert.deepEqual([heard.body, heard.trailers['grpc-status'], heard.trailers['set-cookie']], ['ok', '0', undefined]);
  assert.match(door.said(), /0\r\nx-sum: 7\r\n\r\n$/);
});

test('cookies that came in pieces are one field', async (context) => {
  const door = await openHttp2Door(context, answering(OK));
  await hear(door.client().request({ ...GET, cookie: ['a=1', '__Host-sallyport=no', 'b=2'] }));
  assert.match(door.said(), /\r\ncookie: a=1; b=2\r\n/);
});

test('an early answer ends the request by NO_ERROR, and the connection goes on', async (context) => {
  const refuse = (call: Call): Promise<Tally> => call.refuse({ status: 401, fields: [], body: 'no' });
  const door = await openHttp2Door(context, () => undefined, { decide: refuse, limits: { bodyHeldBytesMax: 4 } });
  const client = door.client();
  const stream = client.request({ ...POST, 'content-length': 100_000 });
  stream.write('abcdefgh');
  const heard = await hear(stream);
  assert.deepEqual([heard.status, heard.body, heard.rst], [401, 'no', 0]);
  assert.equal((await hear(client.request(GET))).status, 401);
});

test('an answer that breaks off is reset: half of it is no whole', async (context) => {
  const door = await openHttp2Door(context, (service, said) => {
    if (said.endsWith('\r\n\r\n')) service.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  });
  const heard = await hear(door.client().request(GET));
  assert.notEqual(heard.rst, 0);
  assert.equal(door.tallies[0]?.code, 'upstream-broken');
});

test('a visitor who goes takes the request with them, and no half of a body looks whole', async (context) => {
  const door = await openHttp2Door(context, () => undefined, { limits: { bodyHeldBytesMax: 4 } });
  const post = ordinary.map(([name, value]) => [name, name === ':method' ? 'POST' : value] as const);
  for (const [index, code] of [0, 8, null].entries()) {
    const visitor = new FrameVisitor(door.port);
    visitor.request(1, post, endHeaders);
    visitor.send(frame.data, 0, 1, 'abcdefgh');
    await until(() => door.said().split('8\r\nabcdefgh\r\n').length === index + 2);
    if (code === null) visitor.socket.destroy();
    else visitor.send(frame.reset, 0, 1, uint32(code));
    await until(() => door.tallies.length === index + 1);
    visitor.socket.destroy();
  }
  assert.doesNotMatch(door.said(), /\r\n0\r\n/);
  for (const tally of door.tallies) assert.equal(tally.code, 'visitor-gone');
});

test('a WebSocket by extended CONNECT is an upgrade for its service, and bytes from then on', async (context) => {
  const door = await openHttp2Door(context, (service, said) => {
    if (said.endsWith('\r\n\r\n'))
      service.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n');
    else if (said.endsWith('ping')) service.end('pong');
  });
  const client = door.client();
  await once(client, 'remoteSettings');
  const asked = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ...GET, 'sec-websocket-version': '13' };
  const stream = client.request(asked);
  const hearing = hear(stream);
  const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(fields[':status'], 200);
  assert.equal(fields['sec-websocket-accept'], undefined);
  stream.end('ping');
  const heard = await hearing;
  assert.deepEqual([heard.body, heard.rst], ['pong', 0]);
  assert.match(
    door.said(),
    /^GET \/a HTTP\/1\.1\r\nHost: blog\.example\r\nsec-websocket-version: 13\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n/,
  );
  assert.match(door.said(), /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
  assert.deepEqual(
    door.tallies.map(({ status, code }) => [status, code]),
    [[101, null]],
  );
});

test('a request whose service cannot be reached is answered', async (context) => {
  const door = await openHttp2Door(context, (service) => void service.destroy());
  assert.equal((await hear(door.client().request(GET))).status, 502);
});

test('a connection is said goodbye to after its requests, and what runs ends well', async (context) => {
  const door = await openHttp2Door(context, answering(OK), { limits: { http2ExchangesMax: 3 } });
  const client = door.client();
  const goodbye = once(client, 'goaway');
  const all = await Promise.all([1, 2, 3].map(() => hear(client.request(GET))));
  assert.deepEqual(
    all.map(({ status }) => status),
    [200, 200, 200],
  );
  const [code] = (await goodbye) as [number];
  assert.equal(code, 0);
  if (!client.closed) await once(client, 'close');
});
