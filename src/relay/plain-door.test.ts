/** The plain port of a relay: who is sent on, who is told why, and that nothing else is served. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { addBlock } from '../controlplane/enrolment/blocks.ts';
import { dial, drained, gateway, world } from '../../test/tunnel/relay.ts';
import type { World } from '../../test/tunnel/relay.ts';

type Answer = Readonly<{ status: number; fields: ReadonlyMap<string, string>; body: string; text: string }>;

/** Sends exactly this to the plain port, and reads until the end. */
async function said(at: World, text: string): Promise<Answer> {
  const socket = dial(Number(at.relay.plain[0]?.split(':').at(-1)));
  socket.write(text);
  const answer = (await drained(socket)).toString();
  const [head = '', ...body] = answer.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const fields = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
  return { status: Number(first.split(' ')[1]), fields, body: body.join('\r\n\r\n'), text: answer };
}

function get(host: string, target = '/', more = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;
}

const browser = 'Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n';

const place = (test: TestContext, changes = {}): Promise<World> =>
  world(test, changes, null, undefined, { plain: [{ host: '127.0.0.1', port: 0 }] });

describe('the plain port of a relay', () => {
  it('sends visitors of a name that is there to HTTPS, with path and query, and serves nothing else', async (test) => {
    const at = await place(test);
    const key = await at.member('blog');
    await gateway(test, at, { identity: key, names: ['blog.example.test'] }).link.ready;
    const sent = await said(at, get('BLOG.example.test:80', '/a/b?c=%20d'));
    deepEqual([sent.status, sent.fields.get('location'), sent.body], [308, `https://blog.example.test:${at.port}/a/b?c=%20d`, '']);
    const post = await said(at, 'POST /login HTTP/1.1\r\nHost: blog.example.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\na=bc');
    deepEqual([post.status, post.fields.get('location')], [403, undefined]);
    match(post.body, /HTTPS only/);
    equal((await said(at, 'OPTIONS * HTTP/1.1\r\nHost: blog.example.test\r\nConnection: close\r\n\r\n')).status, 403);
    equal((await said(at, get('blog.example.test', '/.sallyport/login'))).status, 404);
    equal(
      (await said(at, 'CONNECT blog.example.test:22 HTTP/1.1\r\nHost: blog.example.test:22\r\n\r\n')).fields.get('location'),
      undefined,
    );
    deepEqual(at.faults, []);
  });

  it('a name whose gateway is away: 503 with Retry-After, a page for people and a line for programs', async (test) => {
    const at = await place(test);
    await at.member('blog');
    const away = await said(at, get('blog.example.test', '/', browser));
    deepEqual([away.status, away.fields.get('retry-after'), away.fields.get('cache-control')], [503, '10', 'no-store']);
    match(away.body, /not connected at the moment/);
    ok(!away.body.includes('<script') && !away.body.includes('blog.example.test'));
    match(away.fields.get('content-security-policy') ?? '', /default-src 'none'/);
    const program = await said(at, get('blog.example.test'));
    deepEqual([program.status, program.fields.get('content-type')], [503, 'text/plain; charset=utf-8']);
    equal(at.sink.last()[0]?.code, 'gateway-away');
  });

  it('a blocked name: the reason as its operator wrote it, escaped, whether its gateway is here or not', async (test) => {
    const at = await place(test);
    await at.member('blog');
    await addBlock(at.store, { kind: 'name', what: 'blog', why: 'phishing <b>&amp;</b> worse', since: 1 });
    await at.relay.refresh();
    const page = await said(at, get('blog.example.test', '/', browser));
    equal(page.status, 403);
    match(page.body, /phishing &#60;b&#62;&#38;amp;&#60;\/b&#62; worse/);
    match((await said(at, get('blog.example.test'))).body, /phishing <b>&amp;<\/b> worse/);
    match((await said(at, get('deep.blog.example.test'))).body, /phishing/);
  });

  it('uniform face: every name that nobody has gets the same bytes, and none is repeated', async (test) => {
    const at = await place(test);
    const bytes = async (host: string, target?: string): Promise<string> =>
      (await said(at, get(host, target, browser))).text.replace(/^date: .*$/im, '');
    const first = await bytes('nobody.example.test');
    match(first, /^HTTP\/1\.1 404 /);
    for (const host of ['other.example.test', 'example.test', 'elsewhere.example', '127.0.0.1', '[::1]', 'a=b'])
      equal(await bytes(host, '/x'), first);
  });

  it('open redirect: no Host, target or field leads anywhere but to a name that a gateway holds', async (test) => {
    const at = await place(test);
    const key = await at.member('blog');
    await gateway(test, at, { identity: key, names: ['blog.example.test'] }).link.ready;
    const here = `https://blog.example.test:${at.port}/`;
    const tries: readonly string[] = [
      get('evil.example'),
      get('blog.example.test.evil.example'),
      get('blog.example.test@evil.example'),
      get('evil.example#blog.example.test'),
      get('blog.example.test', '//evil.example/'),
      get('blog.example.test', '/\\evil.example'),
      get('blog.example.test', 'http://evil.example/'),
      get('blog.example.test', 'http://blog.example.test@evil.example/'),
      get('blog.example.test', '/', 'X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n'),
      get('blog.example.test', '/', 'Host: evil.example\r\n'),
      get('blog.example.test\r\n X: y'),
    ];
    for (const text of tries) {
      const location = (await said(at, text)).fields.get('location');
      ok(location === undefined || location.startsWith(here), `${text} led to ${location}`);
    }
  });

  it('what has no single reading is refused, and a head that dribbles is cut', async (test) => {
    const at = await place(test, { headMs: 300 });
    equal((await said(at, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')).status, 400);
    equal((await said(at, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)).status, 431);
    equal((await said(at, '\x16\x03\x01\x02\x00\x01')).status, 400);
    equal((await said(at, 'GET / HTTP/1.1\r\nHost: a')).status, 408);
  });

  it('takes so many connections of one address, and none of one that is blocked', async (test) => {
    const at = await place(test, { connectionsPerAddressMax: 2 });
    const port = Number(at.relay.plain[0]?.split(':').at(-1));
    const standing = [dial(port), dial(port)];
    await Promise.all(standing.map((socket) => new Promise((resolve) => void socket.once('connect', resolve))));
    match((await drained(dial(port))).toString(), /^HTTP\/1\.1 503 /);
    await addBlock(at.store, { kind: 'address', what: '127.0.0.1', why: 'floods', since: 1 });
    await at.relay.refresh();
    await Promise.all(standing.map(drained));
    equal((await said(at, get('a'))).text, '');
  });
});
