/** A proxy that goes out by another one, and the connections that it keeps to destinations: whose they are, and where they lead. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createRawServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openHome } from '../../src/controlplane/home.ts';
import { openIdentities } from '../../src/controlplane/identities/identities.ts';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';
import { useCheapHashes } from './cheap-hashes.ts';
import { freePort } from './free-port.ts';
import { say } from './sockets.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

useCheapHashes();

const ends: (() => unknown)[] = [];
const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
const sockets = new Set<Socket>();
const heard: Readonly<{ url: string; headers: IncomingHttpHeaders; from: number }>[] = [];
let web = 0;
let echo = 0;
let last: Socket | null = null;

async function listening(server: Server): Promise<number> {
  server.on('connection', (socket: Socket) => void sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

before(async () => {
  web = await listening(
    createServer((request, response) => {
      last = request.socket;
      heard.push({ url: request.url ?? '', headers: request.headers, from: request.socket.remotePort ?? 0 });
      request.resume().once('end', () => response.end(`you asked for ${request.url}`));
    }),
  );
  echo = await listening(createRawServer((socket) => void socket.pipe(socket)));
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  for (const end of ends.splice(0)) await end();
});

/** A gateway with one proxy; `secret` is `user:password` under the name `behind`. */
async function gatewayWith(service: string, secret?: string): Promise<WrittenGateway> {
  const folder = await ownFolder(context);
  if (secret !== undefined) {
    const home = await openHome({ SALLYPORT_HOME: join(folder, 'home') });
    const store = await openSqliteStore({ path: home.store, now: Date.now });
    const identities = await openIdentities({ store, now: Date.now, randomBytes, limits: limitsWith({}) });
    await identities.secrets.put('behind', Buffer.from(secret));
    identities.close();
    await store.close();
  }
  const gateway = await startWritten(context, { folder, users: ['ana', 'ben'], text: `services:\n  out: ${service}\n` });
  await gateway.event(isReady);
  return gateway;
}

const proxy = (listen: string, destinations: string, more = ''): string =>
  `{ proxy: { listen: "${listen}"${more} }, access: [{ password: {} }], destinations: { ${destinations} } }`;

const records = (gateway: WrittenGateway): readonly AuditEvent[] =>
  gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));

const basic = (user = 'ana'): string => `Proxy-Authorization: Basic ${Buffer.from(`${user}:${goodPassword}`).toString('base64')}`;
const tunnel = (to: string, more = ''): string => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n${basic()}\r\n\r\n${more}`;
const get = (path: string, user = 'ana', more = ''): string =>
  `GET http://127.0.0.1:${web}${path} HTTP/1.1\r\nHost: x\r\n${basic(user)}\r\nConnection: close\r\n${more}\r\n`;

const there = 'allow: ["127.0.0.1:*", "10.0.0.0/8"]';

/** The proxy behind, over TLS and by SOCKS, and one before it that asks it. */
async function chain(secret: string): Promise<Readonly<{ front: number; socks: number; behind: WrittenGateway; gate: WrittenGateway }>> {
  const [front, socks, tls, plain] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const behind = await gatewayWith(
    proxy(`https://127.0.0.1:${tls}", "http://127.0.0.1:${plain}`, there, ', socks5: true').replace(
      /listen: ("[^}]*?"), socks5/,
      'listen: [$1], socks5',
    ),
  );
  const by = (way: string): string => `allow: ["127.0.0.1:*", "*.example.org:*"], via: ${way}`;
  const over = `{ proxy: "https://\${secret:behind}@127.0.0.1:${tls}", ca: "${behind.ca}" }`;
  const gate = await gatewayWith(
    `${proxy(`http://127.0.0.1:${front}`, by(over))}\n  socks: ${proxy(`http://127.0.0.1:${socks}`, by(`"socks5://\${secret:behind}@127.0.0.1:${plain}"`))}`,
    secret,
  );
  return { front, socks, behind, gate };
}

describe('via another proxy', () => {
  let world: Awaited<ReturnType<typeof chain>>;
  before(async () => {
    world = await chain(`ana:${goodPassword}`);
  });

  it('tunnels and requests, with its own credential and not the client’s', async () => {
    for (const port of [world.front, world.socks]) {
      assert.match(await say(port, tunnel(`127.0.0.1:${echo}`, 'all the way'), /all the way/), /^HTTP\/1\.1 200 [^]*all the way$/);
      assert.match(await say(port, get('/by', 'ben')), /^HTTP\/1\.1 200 [^]*you asked for \/by/);
      const { headers } = heard.at(-1) ?? assert.fail();
      assert.equal(headers.host, `127.0.0.1:${web}`);
      for (const name of Object.keys(headers)) assert.doesNotMatch(name, /^(?:proxy-|sallyport-|x-forwarded)/);
    }
    for (let tries = 0; records(world.gate).length < 4 && tries < 400; tries += 1) await new Promise((turn) => setTimeout(turn, 5));
    assert.deepEqual(new Set(records(world.gate).map(({ who }) => who)), new Set(['user:ana', 'user:ben']));
    assert.deepEqual(new Set(records(world.behind).map(({ who }) => who)), new Set(['user:ana']));
  });

  it('SSRF: literal private addresses are refused here, and names are judged there', async () => {
    const before = records(world.behind).length;
    for (const to of ['10.0.0.1:443', '169.254.169.254:443', '[::1]:443', 'localhost:443', 'other.example.net:443'])
      assert.match(await say(world.front, tunnel(to), /\r\n\r\n/), /^HTTP\/1\.1 403 /, to);
    assert.equal(records(world.behind).length, before);
    // The list here names it; whoever looks it up is the one behind, and its list does not.
    assert.match(await say(world.front, tunnel('a.example.org:443'), /\r\n\r\n/), /^HTTP\/1\.1 (?:403|502) /);
    assert.equal(records(world.behind).length, before + 1);
  });

  it('a credential that the proxy behind does not take is our mistake, and no client is asked for it', async () => {
    const wrong = await chain('ana:not this one');
    for (const port of [wrong.front, wrong.socks]) {
      for (const asked of [get('/no'), tunnel(`127.0.0.1:${echo}`)]) {
        const said = await say(port, asked, /\r\n\r\n[^]/);
        // By SOCKS our own says in one whether they may, and whether there.
        assert.match(said, port === wrong.front ? /^HTTP\/1\.1 502 / : /^HTTP\/1\.1 403 /);
        assert.doesNotMatch(said, /proxy-authenticate/i);
      }
    }
    assert.ok(!heard.some(({ url }) => url === '/no'));
  });

  it('via loops: a way that leads back is refused, and none is longer than it may be', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const by = (port: number): string => `allow: ["127.0.0.1:*"], via: "http://\${secret:behind}@127.0.0.1:${port}"`;
    const secret = `ana:${goodPassword}`;
    const first = await gatewayWith(proxy(`http://127.0.0.1:${one}`, by(two)), secret);
    await gatewayWith(proxy(`http://127.0.0.1:${two}`, by(one)), secret);
    assert.match(await say(one, tunnel(`127.0.0.1:${echo}`), /\r\n\r\n/), /^HTTP\/1\.1 403 /);
    assert.match(await say(one, get('/loop')), /^HTTP\/1\.1 403 /);
    assert.ok(records(first).some(({ why }) => why?.includes('circle') === true));
    const [itself, long] = [await freePort(), `Sallyport-Hops: ${Array.from({ length: 8 }, (_none, at) => `h${at}`).join(' ')}\r\n`];
    await gatewayWith(proxy(`http://127.0.0.1:${itself}`, by(itself)), secret);
    assert.match(await say(itself, tunnel(`127.0.0.1:${echo}`), /\r\n\r\n/), /^HTTP\/1\.1 502 /);
    assert.match(await say(world.front, get('/long', 'ana', long)), /^HTTP\/1\.1 403 /);
    assert.match(await say(world.front, get('/long', 'ana', 'Sallyport-Hops: a,b\r\n')), /^HTTP\/1\.1 400 /);
  });
});

describe('what is carried in plain HTTP', () => {
  it('content of another kind, or longer, is held back, both ways', async () => {
    const port = await freePort();
    const origin = createServer((request, response) => {
      const [, type = '', length = '0'] = /^\/(\w+)\/(\d+)/.exec(request.url ?? '') ?? [];
      response.writeHead(200, { 'content-type': type === 'text' ? 'text/plain' : 'image/png' });
      request.resume().once('end', () => {
        // In pieces, so that nobody is told how long it will be.
        response.write('x');
        response.end('x'.repeat(Number(length) - 1));
      });
    });
    const to = await listening(origin);
    const gateway = await gatewayWith(
      proxy(
        `http://127.0.0.1:${port}`,
        'allow: ["127.0.0.1:*"], requests: { bytes: 1KB, types: [application/json] }, answers: { bytes: 2KB, types: ["text/*"] }',
      ),
    );
    const ask = (path: string, body = '', type = 'application/json'): Promise<string> => {
      const content = body === '' ? '' : `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`;
      const method = body === '' ? 'GET' : 'POST';
      return say(
        port,
        `${method} http://127.0.0.1:${to}${path} HTTP/1.1\r\nHost: x\r\n${basic()}\r\nConnection: close\r\n${content}\r\n${body}`,
      );
    };
    assert.match(await ask('/text/100'), /^HTTP\/1\.1 200 /);
    assert.match(await ask('/image/100'), /^HTTP\/1\.1 403 /);
    assert.match(await ask('/text/10', '{}'), /^HTTP\/1\.1 200 /);
    assert.match(await ask('/text/10', 'a=b', 'application/x-www-form-urlencoded'), /^HTTP\/1\.1 403 /);
    assert.match(await ask('/text/10', 'x'.repeat(1_001)), /^HTTP\/1\.1 413 /);
    const long = await ask('/text/5000');
    // What was begun is cut: half of it does not look whole.
    assert.ok(!long.endsWith('0\r\n\r\n') && long.length < 5_000);
    const codes = records(gateway).map(({ code }) => code);
    assert.deepEqual(codes, [null, 'response-denied', null, 'request-denied', 'body-too-large', 'response-denied']);
  });
});

describe('connections that are kept', () => {
  let port = 0;
  let gateway: WrittenGateway;
  before(async () => {
    port = await freePort();
    gateway = await gatewayWith(proxy(`http://127.0.0.1:${port}`, there));
  });
  const from = async (path: string, user = 'ana'): Promise<number> => {
    const said = await say(port, get(path, user));
    assert.match(said, /^HTTP\/1\.1 200 /);
    return heard.at(-1)?.from ?? 0;
  };

  it('carry the next request of the same client to the same place, and nobody else’s', async () => {
    const first = await from('/1');
    assert.equal(await from('/2'), first);
    assert.notEqual(await from('/3', 'ben'), first);
    assert.equal(await from('/4'), first);
  });

  it('pool poisoning across clients: what a destination says unasked is nobody’s answer', async () => {
    const first = await from('/5');
    assert.ok(last !== null);
    const closed = new Promise((done) => last?.once('close', done));
    last.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned');
    await closed;
    assert.notEqual(await from('/6'), first);
    assert.match(await say(port, get('/7')), /you asked for \/7/);
  });

  it('one that is signed in is not kept, and one that was closed is not found broken', async () => {
    const first = await from('/8');
    assert.match(await say(port, get('/9', 'ana', 'Authorization: NTLM TlRMTVNTUAAB\r\n')), /^HTTP\/1\.1 200 /);
    assert.equal(heard.at(-1)?.from, first);
    assert.notEqual(await from('/10'), first);
    last?.destroy();
    assert.match(await say(port, get('/11')), /you asked for \/11/);
  });

  it('a new list closes them', async () => {
    const first = await from('/12');
    await gateway.rewrite(`services:\n  out: ${proxy(`http://127.0.0.1:${port}`, 'allow: ["10.0.0.0/8"]')}\n`);
    assert.match(await say(port, get('/13')), /^HTTP\/1\.1 403 /);
    await gateway.rewrite(`services:\n  out: ${proxy(`http://127.0.0.1:${port}`, there)}\n`);
    assert.notEqual(await from('/14'), first);
  });
});
