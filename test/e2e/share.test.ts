/** `sallyport http PORT` as a person meets it: the ready line, then curl, a WebSocket and events through the printed address. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer as createPlainServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { readFileSync } from 'node:fs';
import { curl, withoutCurl } from './curl.ts';
import { accessOf, linkOf, text } from './lines.ts';
import { freshHome, run, runInside, type Line } from './program.ts';
import { startService } from './service.ts';
import { echoed, openWebSocket } from './websocket.ts';

/** Opens the secret link as a browser does and returns the session's cookie. */
async function cookieOf(ready: Line): Promise<string> {
  const opened = await curl(['--cacert', text(ready, 'ca'), linkOf(ready)]);
  return opened.fields.get('set-cookie')?.split(';')[0] ?? '';
}

/** SHA-256 of the certificate that is really shown there. */
function shownFingerprint(url: string, ca: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername: hostname, ca: readFileSync(ca) }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase() ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('the ready line says where, how far, whose certificate, who may come in and until when', async (context) => {
  const { port } = await startService(context);
  const before = Date.now();
  const share = runInside(context, ['http', String(port), '--name', 'demo', '--for', '2h'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  assert.deepEqual(Object.keys(ready).toSorted(), ['access', 'ca', 'event', 'expires', 'fingerprint', 'hint', 'reach', 'service', 'url']);
  assert.match(url, /^https:\/\/demo\.localhost:\d+$/);
  assert.deepEqual([ready['service'], ready['reach']], ['demo', 'machine']);
  assert.equal(ready['fingerprint'], await shownFingerprint(url, ca));
  const expires = text(ready, 'expires');
  assert.equal(new Date(expires).toISOString(), expires);
  assert.ok(Math.abs(Date.parse(expires) - before - 7_200_000) < 15_000, expires);
  const [link, ...others] = accessOf(ready);
  assert.deepEqual([link?.['kind'], others], ['link', []]);
  assert.ok(linkOf(ready).startsWith(`${url}/.sallyport/link/`));
  assert.match(linkOf(ready).slice(url.length), /^\/\.sallyport\/link\/[\w-]{22,}$/);
});

test(
  'curl with the shown CA: 401 without the link, a cookie and the clean path with it, then pages, posts and facts',
  { skip: withoutCurl },
  async (context) => {
    const service = await startService(context);
    const share = runInside(context, ['http', String(service.port), '--name', 'demo'], { home: await freshHome(context) });
    const ready = await share.line('ready');
    const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
    // No name is mapped for it: curl knows by itself where `*.localhost` is.
    const stranger = await curl(['--cacert', ca, `${url}/posts`]);
    assert.deepEqual([stranger.exit, stranger.status], [0, 401]);
    assert.equal((await curl([`${url}/`])).exit, 60, 'nobody trusts the CA unasked');
    assert.equal(service.seen.length, 0);

    const opened = await curl(['--cacert', ca, linkOf(ready)]);
    assert.deepEqual([opened.status, opened.fields.get('location')], [303, '/']);
    assert.deepEqual([opened.fields.get('cache-control'), opened.fields.get('referrer-policy')], ['no-store', 'no-referrer']);
    const set = opened.fields.get('set-cookie') ?? '';
    assert.match(set, /^__Host-[\w-]+=[\w-]{22,};/);
    for (const attribute of ['Secure', 'HttpOnly', 'Path=/', 'SameSite=Lax']) assert.match(set, new RegExp(`; ${attribute}(;|$)`, 'i'));
    const followed = await curl(['--cacert', ca, '-L', '-c', '/dev/null', linkOf(ready)]);
    assert.equal(followed.status, 200);

    const cookie = set.split(';')[0] ?? '';
    const admitted = await curl(['--cacert', ca, '-H', `Cookie: theme=dark; ${cookie}; lang=de`, `${url}/posts?page=2`]);
    assert.equal(admitted.status, 200);
    const fields = new Map<string, string>();
    const { url: target, from, headers } = service.seen.at(-1)!;
    for (let at = 0; at < headers.length; at += 2) fields.set(headers[at]!.toLowerCase(), headers[at + 1]!);
    assert.equal(target, '/posts?page=2');
    assert.match(from, process.platform === 'linux' ? /^127\.83\.\d+\.\d+$/ : /^127\.0\.0\.1$/);
    assert.equal(fields.get('host'), new URL(url).host);
    assert.deepEqual([fields.get('x-forwarded-for'), fields.get('x-forwarded-proto')], ['127.0.0.1', 'https']);
    // The session is ours: the service gets its own cookies and not that one.
    assert.equal(fields.get('cookie'), 'theme=dark; lang=de');
    assert.doesNotMatch(JSON.stringify(service.seen), new RegExp(cookie.split('=')[1] ?? '-'));

    const posted = await curl(['--cacert', ca, '-H', `Cookie: ${cookie}`, '-d', 'comment=hello', `${url}/posts/1/comments`]);
    assert.deepEqual([posted.status, service.seen.at(-1)?.method, service.seen.at(-1)?.bytes], [200, 'POST', 13]);
    const forged = ['--cacert', ca, '-H', `Cookie: ${cookie}`, '-H', 'Origin: https://evil.example', '-d', 'comment=spam'];
    assert.equal((await curl([...forged, `${url}/posts/1/comments`])).status, 403);
    assert.equal(service.seen.length, 3);
  },
);

test('a WebSocket echoes and an event stream comes as it is sent, through the same address', { skip: withoutCurl }, async (context) => {
  const { port } = await startService(context);
  const share = runInside(context, ['http', String(port), '--name', 'live'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  const cookie = await cookieOf(ready);
  assert.equal(await openWebSocket(`${url}/echo`, { ca }), 401);
  assert.equal(await openWebSocket(`${url}/echo`, { ca, cookie, origin: 'https://evil.example' }), 403, 'cross-site WebSocket hijacking');
  const socket = await openWebSocket(`${url}/echo`, { ca, cookie, origin: url });
  assert.ok(typeof socket !== 'number');
  const large = randomBytes(3_000_000);
  assert.equal((await echoed(socket, 'hello')).toString(), 'hello');
  assert.deepEqual(await echoed(socket, large), large);
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.close(1_000);
  assert.equal(await closed, 1_000);

  const five = await curl(['--cacert', ca, '-N', '-H', `Cookie: ${cookie}`, `${url}/events`]);
  assert.equal(five.body, 'data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\n');
  // A stream that has no end: each event is there before the next is asked for.
  const { host, hostname, port: relayPort } = new URL(url);
  const stream = connect({ host: '127.0.0.1', port: Number(relayPort), servername: hostname, ca: readFileSync(ca) });
  context.after(async () => void stream.destroy());
  stream.write(`GET /held HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n\r\n`);
  let got = '';
  const has = (wanted: RegExp): Promise<void> =>
    new Promise((resolve) => {
      stream.on('data', (bytes: Buffer) => {
        got += bytes.toString('latin1');
        if (wanted.test(got)) resolve();
      });
    });
  await has(/^HTTP\/1\.1 200 OK\r\n/);
  for (let event = 1; event <= 3; event += 1) {
    const arrives = has(new RegExp(`(?:data: \\d+\\n\\n[^]*){${event}}`));
    await curl(['--cacert', ca, '-H', `Cookie: ${cookie}`, `${url}/held/next`]);
    await arrives;
  }
});

test(
  'a service that is down has a page of ours, and the same address lives on when it comes back',
  { skip: withoutCurl },
  async (context) => {
    const first = await startService(context);
    const share = runInside(context, ['http', String(first.port), '--name', 'demo', '--public'], { home: await freshHome(context) });
    const ready = await share.line('ready');
    const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
    assert.equal((await curl(['--cacert', ca, url])).status, 200);
    await first.close();
    const program = await curl(['--cacert', ca, url]);
    assert.equal(program.status, 502);
    const browser = await curl(['--cacert', ca, '-H', 'Accept: text/html', '-H', 'Sec-Fetch-Mode: navigate', url]);
    assert.equal(browser.status, 502);
    assert.match(browser.fields.get('content-type') ?? '', /^text\/html/);
    // What lies behind is the owner's business, not the visitor's.
    assert.doesNotMatch(browser.body, new RegExp(`${first.port}|127\\.0\\.0\\.1|ECONNREFUSED`));
    await startService(context, first.port);
    assert.equal((await curl(['--cacert', ca, url])).status, 200);
    assert.deepEqual(
      share.lines.filter(({ event }) => event === 'error' || event === 'lost'),
      [],
    );
  },
);

test(
  'two shares at once have two addresses; Ctrl-C ends one within a second, its address is dead and the other lives',
  { skip: withoutCurl },
  async (context) => {
    const { port } = await startService(context);
    const home = await freshHome(context);
    // Where other tests share as well, the port that is free again would be somebody else's at once: the usual ones are held.
    await holdUsualPorts(context);
    const words = (each: number): readonly string[] => ['http', String(port), '--name', `copy-${each}`, '--public'];
    const shares = [run(context, words(1), { home }), runInside(context, words(2), { home })];
    const [one, two] = await Promise.all(shares.map((share) => share.line('ready')));
    assert.notEqual(new URL(text(one, 'url')).port, new URL(text(two, 'url')).port);
    for (const ready of [one, two]) assert.equal((await curl(['--cacert', text(ready, 'ca'), text(ready, 'url')])).status, 200);
    // A visitor who stays is no reason to stay.
    const live = await openWebSocket(`${text(one, 'url')}/echo`, { ca: text(one, 'ca') });
    assert.ok(typeof live !== 'number');
    live.on('error', () => undefined);
    const cut = new Promise((resolve) => live.once('close', resolve));
    const before = performance.now();
    assert.equal(await shares[0]?.stop('SIGINT'), 0);
    assert.ok(performance.now() - before < 1_000, `it took ${performance.now() - before} ms`);
    await cut;
    assert.equal((await curl(['--cacert', text(one, 'ca'), text(one, 'url')])).exit, 7, 'connection refused');
    assert.equal((await curl(['--cacert', text(two, 'ca'), text(two, 'url')])).status, 200);
    // The port is free again for whoever wants it.
    const again = createPlainServer().listen(Number(new URL(text(one, 'url')).port), '127.0.0.1');
    await new Promise((resolve, reject) => again.once('listening', resolve).once('error', reject));
    again.close();
  },
);

/** The twenty ports that a share tries first. Some may be taken already. */
async function holdUsualPorts(context: TestContext): Promise<void> {
  const held = Array.from({ length: 20 }, (_none, at) => createPlainServer().listen(8_443 + at, '127.0.0.1'));
  context.after(() => held.forEach((server) => server.close()));
  await Promise.all(held.map((server) => new Promise((settled) => server.once('listening', settled).once('error', settled))));
}
