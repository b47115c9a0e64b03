/** The operator's own rules about fields of what a proxy carries in plain HTTP, as its destination and its client see them. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as dial, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { freePort } from './free-port.ts';
import { goodPassword, isReady, ownFolder, startWritten } from './written-gateway.ts';

const login = `Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}`;
const rules =
  'rewrite: { request: { set: { User-Agent: farm, X-Farm: blue }, add: { X-Tag: ours }, remove: [referer] }, response: { set: { Cache-Control: no-store }, add: { X-Seen: "1" }, remove: [server, x-powered-by] } }';

/** A destination that says what it heard, with fields of its own. */
async function destination(context: TestContext): Promise<{ to: number; heard: () => IncomingMessage['headersDistinct'] }> {
  let last: IncomingMessage['headersDistinct'] = {};
  const server = createServer((request, response) => {
    last = request.headersDistinct;
    response.setHeader('Server', 'elsewhere/1.0').setHeader('X_Powered_By', 'php').setHeader('Cache-Control', 'public');
    response.setHeader('Set-Cookie', 'a=b; Domain=example.org');
    response.end('there');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  return { to: (server.address() as AddressInfo).port, heard: () => last };
}

async function answerOf(stream: AsyncIterable<unknown>): Promise<string> {
  let said = '';
  for await (const bytes of stream) {
    said += (bytes as Buffer).toString('latin1');
    if (said.endsWith('there')) return said;
  }
  return said;
}

test('fields of requests and answers in absolute form are set, added and removed, in both versions of HTTP, and by another proxy', async (context) => {
  const { to, heard } = await destination(context);
  const [folder, port, behind] = [await ownFolder(context), await freePort(), await freePort()];
  const where = 'access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"]';
  const gateway = await startWritten(context, {
    folder,
    users: ['ana'],
    text: `services:
  out: { proxy: { listen: "https://127.0.0.1:${port}" }, ${where} }, ${rules} }
  by: { proxy: { listen: "http://127.0.0.1:${behind}" }, ${where}, via: "http://127.0.0.1:${to}" }, ${rules} }
`,
  });
  await gateway.event(isReady);
  const ca = await readFile(gateway.ca);
  const head = (more = ''): string =>
    `GET http://127.0.0.1:${to}/x HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\nProxy-Authorization: ${login}\r\n` +
    `Authorization: Bearer theirs\r\nCookie: c=d\r\nUser-Agent: curl\r\nUser_Agent: curl\r\nReferer: http://a/\r\nX-Tag: own\r\n${more}\r\n`;
  const asSeen = (): readonly unknown[] =>
    ['user-agent', 'user_agent', 'x-farm', 'x-tag', 'referer', 'authorization', 'cookie', 'proxy-authorization', 'via'].map(
      (name) => heard()[name],
    );
  const expected = [['farm'], undefined, ['blue'], ['own', 'ours'], undefined, ['Bearer theirs'], ['c=d'], undefined, ['1.1 sallyport']];
  const told = (answer: string): readonly boolean[] =>
    [/\r\nCache-Control: no-store\r\n/i, /\r\nX-Seen: 1\r\n/i, /\r\nSet-Cookie: a=b; Domain=example\.org\r\n/i].map((each) =>
      each.test(answer),
    );

  const first = connect({ host: '127.0.0.1', port, ca });
  context.after(() => void first.destroy());
  first.write(head());
  const answer = await answerOf(first);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.deepEqual(asSeen(), expected);
  assert.deepEqual(told(answer), [true, true, true]);
  assert.doesNotMatch(answer, /elsewhere|php|public/);

  // Connection takes nothing away that a rule has set.
  const named = connect({ host: '127.0.0.1', port, ca });
  context.after(() => void named.destroy());
  named.write(head('Connection: X-Farm\r\n'));
  assert.match(await answerOf(named), /^HTTP\/1\.1 200 /);
  assert.deepEqual(heard()['x-farm'], ['blue']);

  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca });
  context.after(() => session.destroy());
  const stream = session.request({
    ':method': 'GET',
    ':scheme': 'http',
    ':authority': `127.0.0.1:${to}`,
    ':path': '/x',
    'proxy-authorization': login,
    authorization: 'Bearer theirs',
    cookie: 'c=d',
    'user-agent': 'curl',
    referer: 'http://a/',
    'x-tag': 'own',
  });
  const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
  stream.resume();
  assert.deepEqual(
    [fields['cache-control'], fields['x-seen'], fields['server'], fields['set-cookie']],
    ['no-store', '1', undefined, ['a=b; Domain=example.org']],
  );
  assert.deepEqual(asSeen(), [...expected.slice(0, -1), ['2.0 sallyport']]);

  const other = dial(behind, '127.0.0.1');
  context.after(() => void other.destroy());
  other.write(head());
  assert.match(await answerOf(other), /^HTTP\/1\.1 200 /);
  assert.deepEqual(asSeen(), expected);
});

test('what a proxy answers itself is not rewritten, and neither is what goes in a tunnel', async (context) => {
  const { to, heard } = await destination(context);
  const [folder, port] = [await ownFolder(context), await freePort()];
  const gateway = await startWritten(context, {
    folder,
    users: ['ana'],
    text: `services:
  out: { proxy: { listen: "http://127.0.0.1:${port}" }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:${to}"] }, ${rules} }
`,
  });
  await gateway.event(isReady);
  const socket = dial(port, '127.0.0.1');
  context.after(() => void socket.destroy());
  socket.write(`CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\nProxy-Authorization: ${login}\r\n\r\n`);
  const [opened] = (await once(socket, 'data')) as [Buffer];
  assert.match(opened.toString(), /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(opened.toString(), /X-Seen/i);
  socket.write(`GET /x HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\nUser-Agent: own\r\n\r\n`);
  assert.match(await answerOf(socket), /elsewhere/);
  assert.deepEqual(heard()['user-agent'], ['own']);
  const refused = dial(port, '127.0.0.1');
  context.after(() => void refused.destroy());
  refused.write(`GET http://10.1.2.3/ HTTP/1.1\r\nHost: 10.1.2.3\r\nProxy-Authorization: ${login}\r\n\r\n`);
  const [page] = (await once(refused, 'data')) as [Buffer];
  assert.match(page.toString(), /^HTTP\/1\.1 403 /);
  assert.doesNotMatch(page.toString(), /X-Seen/i);
});

test('cookies of destinations keep their Domain through a relay: they are other people’s', async (context) => {
  const { to } = await destination(context);
  const folder = await ownFolder(context);
  const text = 'services: { out: { proxy: {}, access: [{ ip: [127.0.0.1] }], destinations: { allow: ["127.0.0.1:*"] } } }';
  const gateway = await startWritten(context, { folder, text, relay: true });
  const { hostname, port } = new URL((await gateway.event(isReady)).url);
  const socket = connect({ host: '127.0.0.1', port: Number(port), servername: hostname, ca: await readFile(gateway.ca) });
  context.after(() => void socket.destroy());
  socket.write(`GET http://127.0.0.1:${to}/ HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n\r\n`);
  assert.match(await answerOf(socket), /\r\nSet-Cookie: a=b; Domain=example\.org\r\n/);
});
