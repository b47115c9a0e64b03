/** The forward proxy by the programs that people use: curl over HTTP, HTTPS, CONNECT and SOCKS, with right and wrong credentials. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createRawServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { addressServer } from '../doubles/address-server.ts';
import { certificate } from '../doubles/pki.ts';
import { useCheapHashes } from './cheap-hashes.ts';
import { curl, withoutCurl, type Curled } from './curl.ts';
import { freePort } from './free-port.ts';
import { listening, say } from './sockets.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

useCheapHashes();

type Heard = Readonly<{ method: string; url: string; headers: IncomingHttpHeaders; body: string }>;
type Ready = Extract<GatewayEvent, { event: 'ready' }>;
type Scene = Readonly<{
  folder: string;
  plain: number;
  tls: number;
  raw: number;
  /** The CA of the destination with TLS. */
  ca: string;
  heard: Heard[];
  gateway: WrittenGateway;
  ports: Readonly<{ plain: number; tls: number; hidden: number; strict: number; watched: number }>;
  records: () => readonly AuditEvent[];
}>;

const good = `ana:${goodPassword}`;
const ends: (() => unknown)[] = [];
let scene: Scene;

/** Destinations of the test's own, and a gateway that leads to them. */
async function begin(): Promise<Scene> {
  const context = { after: (done: () => unknown) => void ends.unshift(done) };
  const folder = await ownFolder(context as Parameters<typeof ownFolder>[0]);
  const heard: Heard[] = [];
  const answer: Parameters<typeof createServer>[1] = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      // git's dumb protocol: files of a bare repository.
      const file = request.url?.startsWith('/repo.git/') === true ? join(folder, request.url.split('?')[0] ?? '') : null;
      if (file !== null)
        return void readFile(file).then(
          (bytes) => response.end(bytes),
          () => response.writeHead(404).end(),
        );
      heard.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      return void response.end(`you asked for ${request.url}`);
    });
  };
  const root = await certificate({ subject: 'test root', isCa: true });
  const leaf = await certificate({ subject: 'destination', names: ['tls.example.org', '127.0.0.1'], issuer: root });
  const ca = join(folder, 'destination-ca.pem');
  await writeFile(ca, root.cert);
  const plain = await listening(createServer(answer), ends);
  const tls = await listening(createTlsServer(leaf, answer), ends);
  const raw = await listening(
    createRawServer((socket) => void socket.on('error', () => undefined).pipe(socket)),
    ends,
  );
  const names = await addressServer(context);
  names.says.set('plain.example.org', [['127.0.0.1']]);
  names.says.set('tls.example.org', [['127.0.0.1']]);
  names.says.set('inner.example.org', [['10.1.2.3', '::1']]);
  // Public when it is looked at, and this machine a moment later.
  names.says.set('rebinding.example.org', [['127.0.0.1'], ['10.9.9.9']]);
  names.says.set('broken.example.org', 'servfail');
  const ports = {
    plain: await freePort(),
    tls: await freePort(),
    hidden: await freePort(),
    strict: await freePort(),
    watched: await freePort(),
  };
  const proxy = (listen: string, more: string, destinations: string): string =>
    `{ proxy: { listen: "${listen}", ${more} }, access: [{ password: {} }], destinations: { resolver: ["${names.address}"], ${destinations} } }`;
  const allow = `allow: ["127.0.0.1:${plain},${tls},${raw},${ports.plain}"]`;
  const gateway = await startWritten(context as Parameters<typeof startWritten>[0], {
    folder,
    users: ['ana'],
    text: `network: hostile
services:
  partners: ${proxy(`http://127.0.0.1:${ports.plain}`, 'socks5: true', allow)}
  secure: ${proxy(`https://127.0.0.1:${ports.tls}`, 'socks5: true', allow)}
  hidden: ${proxy(`http://127.0.0.1:${ports.hidden}`, 'hide: true', allow)}
  strict: ${proxy(`http://127.0.0.1:${ports.strict}`, 'socks5: true', `${allow}, sni: match`)}
  watched: ${proxy(`http://127.0.0.1:${ports.watched}`, 'http: true', `mode: watch, allow: ["127.0.0.1:${plain}"], deny: ["plain.example.org"]`)}
`,
  });
  await Promise.all(
    ['partners', 'secure', 'hidden'].map((name) => gateway.event((event): event is Ready => isReady(event) && event.service === name)),
  );
  const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));
  return { folder, plain, tls, raw, ca, heard, gateway, ports, records };
}

/** curl as it is told to use proxies, which our own curl forbids for everybody else. */
function through(proxy: string, ...words: readonly string[]): Promise<Curled> {
  const input = words.includes('@-') ? Readable.from([Buffer.alloc(200_000, 'x')]) : null;
  return curl(['--noproxy', '', '--proxy', proxy, ...words], input);
}

/** The last record, once there are so many more than before. */
async function recorded<Value>(act: () => Promise<Value>): Promise<Readonly<{ value: Value; record: AuditEvent }>> {
  const count = scene.records().length;
  const value = await act();
  while (scene.records().length === count) await new Promise((turn) => setTimeout(turn, 5));
  const record = scene.records().at(-1);
  assert.ok(record !== undefined);
  return { value, record };
}

const basic = `Proxy-Authorization: Basic ${Buffer.from(good).toString('base64')}`;

before(async () => {
  scene = await begin();
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

describe('curl through the proxy', { skip: withoutCurl }, () => {
  it('by HTTP: with the password, without, and with a wrong one', async () => {
    const url = `http://127.0.0.1:${scene.plain}/a?b`;
    const { value, record } = await recorded(() => through(`http://127.0.0.1:${scene.ports.plain}`, '--proxy-user', good, url));
    assert.equal(value.status, 200, value.said);
    assert.equal(value.body, 'you asked for /a?b');
    assert.deepEqual(
      [record.who, record.host, record.service, record.verdict],
      ['user:ana', `127.0.0.1:${scene.plain}`, 'partners', 'pass'],
    );
    const stranger = await recorded(() => through(`http://127.0.0.1:${scene.ports.plain}`, url));
    assert.equal(stranger.value.status, 407);
    assert.match(stranger.value.fields.get('proxy-authenticate') ?? '', /^Basic realm=/);
    assert.equal(stranger.record.code, 'credentials-missing');
    const wrong = await recorded(() => through(`http://127.0.0.1:${scene.ports.plain}`, '--proxy-user', 'ana:wrong', url));
    assert.equal(wrong.value.status, 407);
    assert.equal(wrong.record.code, 'credentials-wrong');
  });

  it('by CONNECT, over plain HTTP and over TLS to the proxy', async () => {
    const url = `https://127.0.0.1:${scene.tls}/secret`;
    const plain = await recorded(() => through(`http://127.0.0.1:${scene.ports.plain}`, '--proxy-user', good, '--cacert', scene.ca, url));
    assert.equal(plain.value.body, 'you asked for /secret', plain.value.said);
    assert.ok(plain.record.bytesIn > 100 && plain.record.bytesOut > 100 && plain.record.method === 'CONNECT');
    const words = ['--proxy-cacert', scene.gateway.ca, '--proxy-user', good];
    const secure = await through(`https://127.0.0.1:${scene.ports.tls}`, ...words, '--cacert', scene.ca, url);
    assert.equal(secure.body, 'you asked for /secret', secure.said);
    const both = await through(`https://127.0.0.1:${scene.ports.tls}`, ...words, `http://127.0.0.1:${scene.plain}/x`);
    assert.equal(both.body, 'you asked for /x', both.said);
    const wrong = await through(`https://127.0.0.1:${scene.ports.tls}`, '--proxy-cacert', scene.gateway.ca, '--proxy-user', 'eve:no', url);
    assert.match(wrong.said, /407/);
  });

  it('by SOCKS, on the same port, with names looked up here and there', async () => {
    const [user, password] = ['ana', encodeURIComponent(goodPassword)];
    const proxy = (scheme: string, word = password): string => `${scheme}://${user}:${word}@127.0.0.1:${scene.ports.plain}`;
    for (const [scheme, host] of [
      ['socks5', '127.0.0.1'],
      ['socks5h', 'plain.example.org'],
    ] as const) {
      const { value, record } = await recorded(() => through(proxy(scheme), `http://${host}:${scene.plain}/${scheme}`));
      assert.equal(value.body, `you asked for /${scheme}`, value.said);
      assert.deepEqual([record.who, record.host, record.verdict], ['user:ana', `${host}:${scene.plain}`, 'pass']);
    }
    const overTls = await through(proxy('socks5h'), '--cacert', scene.ca, `https://tls.example.org:${scene.tls}/t`);
    assert.equal(overTls.body, 'you asked for /t', overTls.said);
    const wrong = await recorded(() => through(proxy('socks5h', 'wrong'), `http://127.0.0.1:${scene.plain}/`));
    assert.equal(wrong.value.exit, 97);
    assert.equal(wrong.record.code, 'credentials-wrong');
    const denied = await recorded(() => through(proxy('socks5h'), 'http://inner.example.org/'));
    assert.equal(denied.value.exit, 97);
    assert.equal(denied.record.code, 'destination-denied');
  });

  it('bodies go both ways whole', async () => {
    const url = `http://plain.example.org:${scene.plain}/upload`;
    const sent = await through(`http://127.0.0.1:${scene.ports.plain}`, '--proxy-user', good, '--data-binary', '@-', url);
    assert.equal(sent.status, 200, sent.said);
    assert.equal(scene.heard.at(-1)?.body.length, 200_000);
  });
});

const git = (...words: readonly string[]): Promise<Readonly<{ code: number | null; said: string }>> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: scene.folder, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' };
    const child = spawn('git', words, { cwd: scene.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', (error) => resolve({ code: null, said: error.message }));
    child.once('close', (code) => resolve({ code, said }));
  });
const withoutGit = spawnSync('git', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'not run: no git on this machine';

it('git clones over HTTPS through the proxy, and not with a wrong password', { skip: withoutGit }, async () => {
  const author = ['-c', 'user.name=ana', '-c', 'user.email=ana@example.org'];
  const made = [
    await git('init', '-q', 'work'),
    await git(...author, '-C', 'work', 'commit', '-q', '--allow-empty', '-m', 'first'),
    await git('clone', '-q', '--bare', 'work', 'repo.git'),
    await git('-C', 'repo.git', 'update-server-info'),
  ];
  for (const { code, said } of made) assert.equal(code, 0, said);
  const cloned = (password: string, to: string): ReturnType<typeof git> => {
    const proxy = `http://ana:${encodeURIComponent(password)}@127.0.0.1:${scene.ports.plain}`;
    const settings = ['-c', `http.proxy=${proxy}`, '-c', `http.sslCAInfo=${scene.ca}`];
    return git(...settings, 'clone', '-q', `https://tls.example.org:${scene.tls}/repo.git`, to);
  };
  const right = await cloned(goodPassword, 'right');
  assert.equal(right.code, 0, right.said);
  assert.match((await git('-C', 'right', 'log', '--oneline')).said, /first/);
  const wrong = await cloned('wrong', 'wrong');
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.said, /407/);
});

describe('what a destination hears', () => {
  it('credentials leak: nothing of the proxy, and everything that was meant for it', async () => {
    const fields = [
      'Authorization: Bearer theirs',
      'Cookie: a=b',
      'Proxy-Connection: keep-alive',
      'Connection: x-mine',
      'X-Mine: 1',
      basic,
    ];
    const head = `GET http://plain.example.org:${scene.plain}/h HTTP/1.1\r\nHost: other.example\r\n${fields.join('\r\n')}\r\n\r\n`;
    const heard = await say(scene.ports.plain, head, /you asked for/);
    assert.match(heard, /^HTTP\/1\.1 200 /);
    const headers: IncomingHttpHeaders = scene.heard.at(-1)?.headers ?? {};
    assert.equal(headers.host, `plain.example.org:${scene.plain}`);
    assert.deepEqual([headers.authorization, headers.cookie, headers.via], ['Bearer theirs', 'a=b', '1.1 sallyport']);
    for (const name of Object.keys(headers)) assert.doesNotMatch(name, /^(?:proxy-|x-mine|x-forwarded|forwarded|x-real)/);
  });

  it('a password for the destination is no password of ours', async () => {
    const head = `GET http://plain.example.org:${scene.plain}/h HTTP/1.1\r\nHost: x\r\n${basic.replace('Proxy-', '')}\r\n\r\n`;
    assert.match(await say(scene.ports.plain, head, /407[^]*\r\n\r\n/), /^HTTP\/1\.1 407 /);
  });
});

describe('where it does not lead', () => {
  const ask = (target: string, method = 'CONNECT'): Promise<Readonly<{ value: string; record: AuditEvent }>> =>
    recorded(() =>
      say(
        scene.ports.plain,
        `${method} ${target} HTTP/1.1\r\nHost: ${method === 'CONNECT' ? target : 'x'}\r\n${basic}\r\n\r\n`,
        /\r\n\r\n[^]/,
      ),
    );

  it('SSRF: inner addresses, by number and by name, by every way', async () => {
    for (const target of [
      '10.0.0.1:443',
      '169.254.169.254:443',
      '[::1]:443',
      'localhost:443',
      'inner.example.org:443',
      '[::ffff:127.0.0.1]:443',
    ]) {
      const { value, record } = await ask(target);
      assert.match(value, /^HTTP\/1\.1 403 /, target);
      assert.equal(record.code, 'destination-denied');
    }
    assert.match((await ask('http://inner.example.org/', 'GET')).value, /^HTTP\/1\.1 403 /);
  });

  it('DNS rebinding: the address that was judged is the one that is dialled, and it is judged each time', async () => {
    const once = await recorded(() =>
      say(
        scene.ports.plain,
        `CONNECT rebinding.example.org:${scene.raw} HTTP/1.1\r\nHost: rebinding.example.org:${scene.raw}\r\n${basic}\r\n\r\nhello`,
        /hello/,
      ),
    );
    assert.match(once.value, /^HTTP\/1\.1 200 [^]*hello$/);
    // What is remembered grows old in a second.
    await new Promise((later) => setTimeout(later, 1_050));
    const { value, record } = await ask(`rebinding.example.org:${scene.raw}`);
    assert.match(value, /^HTTP\/1\.1 403 /);
    assert.match(record.why ?? '', /no public one/);
  });

  it('CONNECT to own listener: not even where the list allows it', async () => {
    const { value, record } = await ask(`127.0.0.1:${scene.ports.plain}`);
    assert.match(value, /^HTTP\/1\.1 403 /);
    assert.match(record.why ?? '', /gateway itself/);
  });

  it('says what is wrong with a destination', async () => {
    assert.match((await ask(`broken.example.org:${scene.tls}`)).value, /^HTTP\/1\.1 502 [^]*dns_error/);
    assert.match((await ask(`nobody.example.org:${scene.tls}`)).value, /^HTTP\/1\.1 502 [^]*dns_error/);
    assert.match((await ask('/', 'GET')).value, /^HTTP\/1\.1 400 [^]*This is a proxy/);
  });

  it('CONNECT that has no single reading: a path, user info, no port, port 0, IPv6 without brackets', async () => {
    for (const target of [
      '/x',
      'a.example',
      'a.example:0',
      'ana@a.example:443',
      '::1:443',
      '127.1:443',
      'a.example:443/x',
      '0x7f000001:443',
    ])
      assert.match((await ask(target)).value, /^HTTP\/1\.1 400 /, target);
  });

  it('request smuggling through absolute form: one framing, one destination, one request', async () => {
    const target = `http://plain.example.org:${scene.plain}/s`;
    const both = `POST ${target} HTTP/1.1\r\nHost: x\r\n${basic}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n`;
    assert.match(await say(scene.ports.plain, both), /^HTTP\/1\.1 400 /);
    const twice = `GET ${target} HTTP/1.1\r\nHost: x\r\n${basic}\r\n${basic}\r\n\r\n`;
    assert.match(await say(scene.ports.plain, twice, /407/), /^HTTP\/1\.1 407 /);
    const https = `GET https://plain.example.org/ HTTP/1.1\r\nHost: x\r\n${basic}\r\n\r\n`;
    assert.match(await say(scene.ports.plain, https), /^HTTP\/1\.1 400 /);
    assert.ok(!scene.heard.some(({ url }) => url.includes('smuggled')));
  });

  it('h2c and our own upgrade are no destination’s', async () => {
    const head = `GET http://plain.example.org:${scene.plain}/u HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n${basic}\r\n\r\n`;
    assert.match(await say(scene.ports.plain, head, /you asked for/), /^HTTP\/1\.1 200 /);
    assert.equal(scene.heard.at(-1)?.headers.upgrade, undefined);
  });

  it('SOCKS bad lengths and versions end the connection', async () => {
    assert.equal(await say(scene.ports.plain, Uint8Array.from([5, 0])), '');
    assert.equal(await say(scene.ports.plain, Uint8Array.from([4, 1, 0, 80, 127, 0, 0, 1, 0])), '');
    const refused = scene.records().slice(-2);
    assert.deepEqual(
      refused.map(({ code }) => code),
      ['preamble-malformed', 'preamble-malformed'],
    );
  });
});

describe('modes', () => {
  it('hide: a stranger meets an ordinary web server', async () => {
    const { hidden } = scene.ports;
    for (const line of ['GET / HTTP/1.1', 'GET http://a.example/ HTTP/1.1', 'CONNECT a.example:443 HTTP/1.1']) {
      const said = await say(hidden, `${line}\r\nHost: a.example:443\r\nConnection: close\r\n\r\n`);
      assert.match(said, /^HTTP\/1\.1 40[45] /);
      assert.doesNotMatch(said, /proxy|sallyport/i);
    }
    const head = `GET http://127.0.0.1:${scene.plain}/k HTTP/1.1\r\nHost: x\r\n${basic}\r\n\r\n`;
    assert.match(await say(hidden, head, /you asked/), /^HTTP\/1\.1 200 /);
  });

  it(
    'domain fronting through a tunnel, sni: match: it holds TLS for the host that was asked for, or nothing',
    { skip: withoutCurl },
    async () => {
      const proxy = `http://127.0.0.1:${scene.ports.strict}`;
      const same = await through(proxy, '--proxy-user', good, '--cacert', scene.ca, `https://tls.example.org:${scene.tls}/same`);
      assert.equal(same.body, 'you asked for /same', same.said);
      const words = ['--connect-to', `tls.example.org:443:plain.example.org:${scene.tls}`];
      const other = await recorded(() =>
        through(proxy, '--proxy-user', good, '--cacert', scene.ca, ...words, 'https://tls.example.org/other'),
      );
      assert.notEqual(other.value.exit, 0);
      assert.equal(other.record.code, 'destination-mismatched');
      const socks = `socks5h://ana:${encodeURIComponent(goodPassword)}@127.0.0.1:${scene.ports.strict}`;
      const bySocks = await through(socks, '--cacert', scene.ca, `https://tls.example.org:${scene.tls}/socks`);
      assert.equal(bySocks.body, 'you asked for /socks', bySocks.said);
      const plain = await recorded(() => through(socks, `http://plain.example.org:${scene.plain}/plain`));
      assert.notEqual(plain.value.exit, 0);
      assert.equal(plain.record.code, 'destination-mismatched');
      assert.ok(!scene.heard.some(({ url }) => url === '/plain' || url === '/other'));
    },
  );

  it('mode: watch: nobody is refused by the lists, and the record says who would be', async () => {
    const head = (url: string): string => `GET ${url} HTTP/1.1\r\nHost: x\r\n${basic}\r\n\r\n`;
    const denied = await recorded(() => say(scene.ports.watched, head(`http://plain.example.org:${scene.plain}/w`), /you asked/));
    assert.match(denied.value, /^HTTP\/1\.1 200 /);
    assert.deepEqual([denied.record.verdict, denied.record.code], ['pass', null]);
    assert.match(denied.record.why ?? '', /would be denied: plain\.example\.org:\d+: it is on the list of what is denied/);
    const inner = await recorded(() => say(scene.ports.watched, head('http://inner.example.org/'), /403/));
    assert.equal(inner.record.code, 'destination-denied');
  });
});
