/** `sallyport connect` as a proxy of one's own machine: HTTP and SOCKS 5 here, TLS and the credential from here on, also through a relay. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createRawServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import type { Shown } from '../../src/core/egress/asking.ts';
import { defaults } from '../../src/core/limits.ts';
import { createDeadlines, startDeadlines, steadyNow } from '../../src/dataplane/deadlines.ts';
import { openLocalProxy } from '../../src/dataplane/local-proxy.ts';
import { createSplice } from '../../src/dataplane/splice.ts';
import { curl, withoutCurl } from './curl.ts';
import { freePort } from './free-port.ts';
import { freshHome, runInside, type Serving } from './program.ts';
import { listening, say } from './sockets.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
let gateway: WrittenGateway;
let ports: Readonly<{ web: number; echo: number; proxy: number }>;

before(async () => {
  const web = createServer((request, response) => {
    let length = 0;
    request.on('data', (chunk: Buffer) => (length += chunk.length));
    request.once('end', () => response.end(`you asked for ${request.url} with ${length}: ${JSON.stringify(request.headers)}`));
  });
  const echo = createRawServer((socket) => {
    socket.on('error', () => undefined).write('hello ');
    socket.pipe(socket);
  });
  ports = { web: await listening(web, ends), echo: await listening(echo, ends), proxy: await freePort() };
  gateway = await startWritten(context, {
    folder: await ownFolder(context),
    users: ['ana'],
    text: `services:
  out: { proxy: { listen: "https://127.0.0.1:${ports.proxy}" }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"] } }
`,
  });
  await gateway.event(isReady);
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));

type Local = Readonly<{ port: number; failures: readonly unknown[] }>;

async function local(shown: Shown, more: Readonly<{ own?: Shown; host?: string; port?: number; ca?: string }> = {}): Promise<Local> {
  const deadlines = createDeadlines(steadyNow);
  const ticking = startDeadlines(deadlines);
  const failures: unknown[] = [];
  const { own = null, host = '127.0.0.1', port = ports.proxy } = more;
  const ca = more.ca ?? (await readFile(gateway.ca, 'latin1'));
  const far = { host, port, dial: '127.0.0.1', ca, session: { last: null }, shown, limits: defaults, timeoutMs: 5_000 };
  const door = await openLocalProxy({
    ...{ host: '127.0.0.1', port: 0, limits: defaults, deadlines, splice: createSplice({ deadlines }), far, own },
    onFailure: (error) => failures.push((error as { code?: unknown }).code),
  });
  ends.unshift(
    () => door.close(),
    () => ticking.close(),
  );
  return { port: door.port, failures };
}

const ana = { user: 'ana', password: goodPassword };

describe('a proxy of this machine', () => {
  it('adds the credential to a tunnel, also to one whose destination speaks first', async () => {
    const { port } = await local(ana);
    const heard = await say(port, `CONNECT 127.0.0.1:${ports.echo} HTTP/1.1\r\nHost: 127.0.0.1:${ports.echo}\r\n\r\nand back`, /and back/);
    assert.match(heard, /^HTTP\/1\.1 200 [^]*\r\n\r\nhello and back$/);
  });

  it('adds it to requests in absolute form, with their bodies, and the destination sees nothing of it', async () => {
    const { port } = await local(ana);
    const body = 'x'.repeat(300_000);
    const fields = `Host: x\r\nProxy-Connection: keep-alive\r\nAuthorization: theirs\r\nContent-Length: ${body.length}\r\n`;
    const heard = await say(port, `POST http://127.0.0.1:${ports.web}/p HTTP/1.1\r\n${fields}\r\n${body}`);
    assert.match(heard, /^HTTP\/1\.1 200 [^]*Connection: close[^]*you asked for \/p with 300000/);
    assert.match(heard, /"authorization":"theirs"/);
    assert.doesNotMatch(heard, /proxy-/);
  });

  it('speaks SOCKS 5 without credentials of its own, and says in its words what went wrong', async () => {
    const { port } = await local(ana);
    const to = (number: number): Uint8Array => Uint8Array.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, number >> 8, number & 255]);
    assert.match(await say(port, Buffer.concat([to(ports.echo), Buffer.from('more')]), /more/), /hello more$/);
    const nobody = await freePort();
    assert.equal((await say(port, to(nobody))).charCodeAt(3), 5);
    const denied = Uint8Array.from([5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 1, 1, 187]);
    assert.equal((await say(port, denied)).charCodeAt(3), 2);
  });

  it('a destination that is denied is an answer; a credential that is not taken is an end', async () => {
    const good = await local(ana);
    assert.match(await say(good.port, 'CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: 10.0.0.1:443\r\n\r\n'), /^HTTP\/1\.1 403 /);
    assert.deepEqual(good.failures, []);
    const wrong = await local({ user: 'ana', password: 'wrong' });
    // Nobody is asked for the credential of the proxy behind: there is nothing that a program of this machine could say.
    const tunnel = `CONNECT 127.0.0.1:${ports.echo} HTTP/1.1\r\nHost: 127.0.0.1:${ports.echo}\r\n\r\n`;
    assert.match(await say(wrong.port, tunnel), /^HTTP\/1\.1 502 /);
    const get = `GET http://127.0.0.1:${ports.web}/ HTTP/1.1\r\nHost: x\r\n\r\n`;
    assert.match(await say(wrong.port, get), /^HTTP\/1\.1 502 /);
    assert.deepEqual(wrong.failures, ['connection-refused', 'connection-refused']);
    assert.ok(records().some(({ code }) => code === 'credentials-wrong'));
  });

  it('credentials on this machine: asks for a name and a password of its own where it was told to', async () => {
    const own = { user: 'me', password: 'and mine' };
    const { port } = await local(ana, { own });
    const get = (more: string): string => `GET http://127.0.0.1:${ports.web}/own HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    assert.match(await say(port, get('')), /^HTTP\/1\.1 407 [^]*Proxy-Authenticate: Basic/);
    const shown = (password: string): string => `Proxy-Authorization: Basic ${Buffer.from(`me:${password}`).toString('base64')}\r\n`;
    assert.match(await say(port, get(shown('wrong'))), /^HTTP\/1\.1 407 /);
    assert.match(await say(port, get(shown('and mine'))), /^HTTP\/1\.1 200 /);
  });

  it('a certificate that is not trusted gets no credential', async () => {
    const { port, failures } = await local(ana, { ca: '' });
    const before = records().length;
    assert.match(await say(port, 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n'), /^HTTP\/1\.1 502 /);
    assert.deepEqual(failures, ['certificate-untrusted']);
    assert.ok(
      !records()
        .slice(before)
        .some(({ who }) => who === 'user:ana'),
    );
  });

  it('pages and nonsense are no business of it', async () => {
    const { port } = await local(ana);
    for (const text of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'CONNECT a.example HTTP/1.1\r\nHost: a.example\r\n\r\n', 'nonsense\r\n\r\n'])
      assert.match(await say(port, text), /^HTTP\/1\.1 400 /);
    assert.equal(await say(port, Uint8Array.from([4, 1, 0, 80, 127, 0, 0, 1, 0])), '');
  });
});

it('through a relay by its name', async () => {
  const folder = await ownFolder(context);
  const text = 'services: { out: { proxy: { http: true }, access: [{ ip: [127.0.0.1] }], destinations: { allow: ["127.0.0.1:*"] } } }';
  const behind = await startWritten(context, { folder, text, relay: true });
  const { hostname, port } = new URL((await behind.event(isReady)).url);
  const proxy = await local(null, { host: hostname, port: Number(port), ca: await readFile(behind.ca, 'latin1') });
  const tunnel = `CONNECT 127.0.0.1:${ports.echo} HTTP/1.1\r\nHost: 127.0.0.1:${ports.echo}\r\n\r\nrelayed`;
  assert.match(await say(proxy.port, tunnel, /relayed/), /^HTTP\/1\.1 200 [^]*hello relayed$/);
  const get = `GET http://127.0.0.1:${ports.web}/r HTTP/1.1\r\nHost: x\r\n\r\n`;
  assert.match(await say(proxy.port, get), /^HTTP\/1\.1 200 [^]*you asked for \/r /);
});

const connectingProgram = async (words: readonly string[], env: Readonly<Record<string, string>>): Promise<readonly [Serving, number]> => {
  const home = await freshHome(context as Parameters<typeof freshHome>[0]);
  const program = runInside(
    context as Parameters<typeof runInside>[0],
    ['connect', `127.0.0.1:${ports.proxy}`, '--ca', gateway.ca, ...words],
    {
      home,
      env,
    },
  );
  const { listen } = await program.line('connecting');
  return [program, Number(String(listen).split(':').at(-1))];
};

it('sallyport connect NAME --proxy, by curl', { skip: withoutCurl }, async () => {
  const [program, port] = await connectingProgram(['--proxy', '--listen', '0', '--user', 'ana'], { SALLYPORT_PASSWORD: goodPassword });
  const url = `http://127.0.0.1:${ports.web}/curl`;
  for (const scheme of ['http', 'socks5h']) {
    const { body, said } = await curl(['--noproxy', '', '--proxy', `${scheme}://127.0.0.1:${port}`, url], null);
    assert.match(body, /^you asked for \/curl/, said);
  }
  // This proxy takes no datagrams: the program that asks hears it, the person as well, and the port stays.
  assert.deepEqual(
    [...Buffer.from(await say(port, Uint8Array.from([5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0])), 'latin1')].slice(2, 4),
    [5, 7],
  );
  const { code, message } = await program.line('error');
  assert.deepEqual([code, message], ['method-refused', `127.0.0.1:${ports.proxy} takes no datagrams (UDP).`]);
  assert.equal(await program.stop(), 0);
});

it('sallyport connect NAME --to HOST:PORT leads to one place; a wrong password ends it with 77', async () => {
  const [program, port] = await connectingProgram(['--to', `127.0.0.1:${ports.echo}`, '--user', 'ana'], {
    SALLYPORT_PASSWORD: goodPassword,
  });
  assert.equal(await say(port, 'one place', /place/), 'hello one place');
  assert.equal(await program.stop(), 0);
  const [refused, other] = await connectingProgram(['--to', '127.0.0.1:9', '--user', 'ana'], { SALLYPORT_PASSWORD: 'wrong wrong wrong' });
  await say(other, 'x');
  assert.equal(await refused.exited, 77);
  assert.equal(refused.lines.at(-1)?.['code'], 'connection-refused');
});
