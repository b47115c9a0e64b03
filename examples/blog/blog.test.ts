/** What the example blog promises, asked of a running one. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { createBlog } from './blog.ts';
import { bulk, bulkSum, sizeOf } from './bulk.ts';

const blog = createBlog(':memory:');
let home = '';

before(async () => {
  blog.server.listen(0, '127.0.0.1');
  await once(blog.server, 'listening');
  home = `http://127.0.0.1:${(blog.server.address() as AddressInfo).port}`;
});
after(() => blog.close());

/** Asks as a proxy with its own loopback address would. */
async function throughDoor(path: string): Promise<string> {
  const asking = request(home + path, {
    localAddress: '127.83.1.7',
    headers: { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' },
  });
  asking.end();
  const [response] = await once(asking, 'response');
  return (await response.setEncoding('utf8').toArray()).join('');
}

test('shows its posts, newest first', async () => {
  const page = await (await fetch(home)).text();
  assert.ok(page.indexOf('Who are you, then?') < page.indexOf('On small doors'));
});

test('keeps a comment, remembers who made it and answers with a redirect that holds behind a proxy', async () => {
  const posted = await fetch(`${home}/posts/1/comments`, {
    method: 'POST',
    body: new URLSearchParams({ name: 'Ana & Ben', text: '<b>hello</b>' }),
    redirect: 'manual',
  });
  assert.equal(posted.status, 303);
  assert.match(posted.headers.get('location') ?? '', /^\/posts\/1#c\d+$/);
  const cookie = posted.headers.get('set-cookie') ?? '';
  assert.match(cookie, /^visitor=Ana%20%26%20Ben; .*HttpOnly; SameSite=Lax$/);

  const page = await (await fetch(`${home}/posts/1`, { headers: { cookie: cookie.split(';')[0] ?? '' } })).text();
  assert.match(page, /&#60;b&#62;hello&#60;\/b&#62;/);
  assert.match(page, /value="Ana &#38; Ben"/);
});

test('refuses a comment without words, and one that is too long', async () => {
  const post = (body: string): Promise<Response> => fetch(`${home}/posts/1/comments`, { method: 'POST', body });
  assert.equal((await post('name=Ana&text=')).status, 400);
  assert.equal((await post(`name=Ana&text=${'a'.repeat(20_000)}`)).status, 413);
});

test('offers the pen to this machine only, and says how it sees the visitor', async () => {
  assert.match(await (await fetch(home)).text(), /write a post/);
  const page = await throughDoor('/');
  assert.doesNotMatch(page, /write a post/);
  assert.match(page, /127\.83\.1\.7[\s\S]*192\.0\.2\.7[\s\S]*https/);
  assert.match(await throughDoor('/write'), /Nothing here/);
});

test('tells a listener of each new comment', async () => {
  const live = await fetch(`${home}/live`);
  const reader = (live.body ?? assert.fail('no body')).pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value ?? '', /^: listening/);
  await fetch(`${home}/posts/2/comments`, { method: 'POST', body: 'name=Ben&text=Live', redirect: 'manual' });
  assert.match((await reader.read()).value ?? '', /^event: comment\nid: \d+\ndata: {.*"text":"Live"/);
  await reader.cancel();
});

test('echoes over a WebSocket, text as text and bytes as bytes', async () => {
  const socket = new WebSocket(`${home.replace('http', 'ws')}/echo`);
  await once(socket, 'open');
  socket.send('hello');
  assert.deepEqual(await once(socket, 'message'), [Buffer.from('hello'), false]);
  socket.send(Buffer.from([0, 1, 255]));
  assert.deepEqual(await once(socket, 'message'), [Buffer.from([0, 1, 255]), true]);
  socket.close();
});

test('streams a large download that has the sum it names', async () => {
  const hash = createHash('sha256');
  for await (const part of (await fetch(`${home}/download/3MB`)).body ?? []) hash.update(part);
  assert.equal(hash.digest('hex'), (await (await fetch(`${home}/download/3MB.sha256`)).text()).trim());
  assert.equal((await fetch(`${home}/download/everything`)).status, 404);
});

test('makes the same bytes each time, of the size asked for, with blocks that differ', async () => {
  assert.equal(sizeOf('200MB'), 200_000_000);
  for (const words of ['200', 'MB', '-1MB', '99999999999B', '11GB']) assert.equal(sizeOf(words), null);
  const parts: Buffer[] = await bulk(200_001).toArray();
  const whole = Buffer.concat(parts);
  assert.equal(whole.length, 200_001);
  assert.notDeepEqual(whole.subarray(0, 65_536), whole.subarray(65_536, 131_072));
  assert.equal(await bulkSum(200_001), createHash('sha256').update(whole).digest('hex'));
});

test('answers an upload with what arrived', async () => {
  const body = Buffer.alloc(1_000_000, 7);
  const said = await (await fetch(`${home}/upload`, { method: 'POST', body })).json();
  assert.deepEqual(said, { bytes: 1_000_000, sha256: createHash('sha256').update(body).digest('hex') });
});
