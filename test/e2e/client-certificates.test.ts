/** Clients of a proxy that show a certificate: limits, suspension, accounts, terms and their page, in every form in which one asks. */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { codes } from '../../src/core/errors.ts';
import { authority, signed, type Signed } from '../doubles/client-pki.ts';
import { curl, withoutCurl } from './curl.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const context = { after: (end: () => unknown) => void ends.unshift(end) } as Parameters<typeof ownFolder>[0];
let folder: string;
let gateway: WrittenGateway;
let ca: Buffer;
let to: number;
let ports: Readonly<{ own: number; hidden: number }>;
/** Two certificates of one name, and one of another. */
let lab: Signed;
let renewed: Signed;
let ben: Signed;
const mark = ({ cert }: Signed): string => new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();

async function command(...words: string[]) {
  const terminal = scriptedTerminal({ home: join(folder, 'home') });
  const code = await runCommand([...words, '--json'], terminal);
  return { code, events: terminal.events(), said: terminal.complained() };
}

async function told(...words: string[]): Promise<Readonly<Record<string, unknown>>> {
  const { code, events, said } = await command(...words);
  assert.equal(code, 0, said);
  return events[0] ?? {};
}

/** Another process has written it: the gateway looks a few times a second. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((turn) => setTimeout(turn, 30));
}

function text(more = ''): string {
  const access = `access: [{ mtls: { ca: ${join(folder, 'root.pem')} } }], destinations: { allow: ["127.0.0.1:${to}"] }`;
  return `limits: { clientUseMs: 200 }
${more}services:
  own: { proxy: { listen: "https://127.0.0.1:${ports.own}", socks5: true }, ${access} }
  hidden: { proxy: { listen: "https://127.0.0.1:${ports.hidden}"${more === '' ? ', hide: true' : ''} }, ${access} }
`;
}

before(async () => {
  folder = await ownFolder(context);
  ports = { own: await freePort(), hidden: await freePort() };
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (bytes: Buffer) => {
        const isHttp = bytes.toString('latin1').startsWith('GET ');
        socket.write(isHttp ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere' : bytes);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => void server.close());
  to = (server.address() as AddressInfo).port;
  const root = await authority('Root');
  lab = await signed({ cn: ['Lab'], issuer: root });
  renewed = await signed({ cn: ['lab'], issuer: root });
  ben = await signed({ cn: ['ben'], issuer: root });
  const files = { 'root.pem': root.cert, 'lab.crt': lab.cert, 'lab.key': lab.key, 'renewed.crt': renewed.cert, 'not.crt': lab.key };
  for (const [name, pem] of Object.entries(files)) await writeFile(join(folder, name), pem, { mode: 0o600 });
  gateway = await startWritten(context, { folder, text: text() });
  await gateway.event(isReady);
  ca = await readFile(gateway.ca);
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

async function opened(shown: Signed | null, port = ports.own, protocol = 'http/1.1'): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca, ALPNProtocols: [protocol], ...shown });
  context.after(async () => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

async function said(stream: Duplex, bytes: string | Uint8Array): Promise<Buffer> {
  stream.write(bytes);
  return ((await once(stream, 'data')) as [Buffer])[0];
}

/** However it ends. */
const closed = (stream: Duplex): Promise<void> => new Promise((resolve) => void stream.once('close', () => resolve()));

/** What one way of asking came to: whether it was let through, in whole numbers of its protocol, and what stays open. */
type Asked = Readonly<{ status: number; text: string; stream: Duplex }>;
const head = (method: string, target: string): string => `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n\r\n`;

const ways: Readonly<Record<string, (shown: Signed) => Promise<Asked>>> = {
  absolute: async (shown) => {
    const stream = await opened(shown);
    const heard = (await said(stream, head('GET', `http://127.0.0.1:${to}/x`))).toString();
    return { status: Number(heard.slice(9, 12)), text: heard, stream };
  },
  connect: async (shown) => {
    const stream = await opened(shown);
    const heard = (await said(stream, head('CONNECT', `127.0.0.1:${to}`))).toString();
    return { status: Number(heard.slice(9, 12)), text: heard, stream };
  },
  http2: async (shown) => {
    const over = await opened(shown, ports.own, 'h2');
    const session = connectHttp2(`https://127.0.0.1:${ports.own}`, { createConnection: () => over });
    session.on('error', () => undefined);
    context.after(async () => session.destroy());
    const stream = session.request({ ':method': 'CONNECT', ':authority': `127.0.0.1:${to}` }, { endStream: false });
    stream.on('error', () => undefined);
    const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
    return { status: Number(fields[':status']), text: '', stream };
  },
  socks: async (shown) => {
    const stream = await opened(shown);
    assert.deepEqual([...(await said(stream, Uint8Array.of(5, 1, 0)))], [5, 0]);
    const [, reply] = await said(stream, Uint8Array.of(5, 1, 0, 1, 127, 0, 0, 1, to >> 8, to & 0xff));
    return { status: reply === 0 ? 200 : 403, text: '', stream };
  },
};

const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));
/** Every exchange so far is over, so that its tunnel counts no more. */
let begun = 0;
const quiet = (): Promise<void> => until(async () => records().length >= begun);
const ask = (way: string, shown: Signed): Promise<Asked> => {
  begun += 1;
  return (ways[way] ?? assert.fail())(shown);
};
const statuses = async (shown: Signed): Promise<readonly number[]> => {
  const all = await Promise.all(Object.keys(ways).map((way) => ask(way, shown)));
  for (const { stream } of all) stream.destroy();
  return all.map(({ status }) => status);
};

describe('a certificate is a client', () => {
  it('a certificate in a client’s place: by its very text or by the name in it, and of two words the very text', async () => {
    const added = await told(
      'clients',
      'add',
      'lab',
      '--certificate',
      join(folder, 'lab.crt'),
      '--tunnels',
      '3',
      '--contact',
      'a@b.example',
    );
    assert.deepEqual([added['members'], added['key']], [[`fingerprint:${mark(lab)}`], null]);
    assert.deepEqual((await told('clients', 'add', 'others', '--holder', 'LAB'))['members'], ['certificate:lab']);
    await until(async () => {
      const { stream } = await ask('connect', lab);
      stream.destroy();
      await quiet();
      return (await statuses(lab)).every((status) => status === 200);
    });
    // What was just cut is a tunnel until it is over, and three are all that it may have.
    await quiet();
    for (const [name, as] of [
      ['lab', 'pass'],
      ['others', 'pass'],
    ])
      assert.equal((await told('explain', '--destination', `127.0.0.1:${to}`, '--proxy', 'own', '--as', String(name)))['verdict'], as);
  });

  it('its limits hold in every form, and are nobody else’s', async () => {
    await quiet();
    const open = await Promise.all(['connect', 'http2', 'socks'].map((way) => ask(way, lab)));
    assert.deepEqual(
      open.map(({ status }) => status),
      [200, 200, 200],
    );
    const refused = await ask('connect', lab);
    assert.match(refused.text, /^HTTP\/1\.1 429 [^]*Retry-After: 5[^]*The client lab has 3 tunnels open/);
    assert.equal((await ask('socks', lab)).status, 403);
    assert.deepEqual(await statuses(renewed), [200, 200, 200, 200]);
    for (const { stream } of open) stream.destroy();
    const shown = records().filter(({ code }) => code === 'tunnels-exceeded');
    assert.ok(shown.length >= 2 && shown.every(({ who, certificate }) => who === 'certificate:lab' && certificate === mark(lab)));
  });

  it('suspended: what it runs ends within a second in every form, and it is refused with the reason; a certificate of the same name is not', async (test) => {
    await until(async () => (await quiet(), await statuses(lab)).every((status) => status === 200));
    await quiet();
    const running = await Promise.all(['connect', 'http2', 'socks'].map((way) => ask(way, lab)));
    const other = await ask('connect', renewed);
    assert.deepEqual(
      [...running, other].map(({ status }) => status),
      [200, 200, 200, 200],
    );
    for (const { stream } of running) stream.resume();
    const over = Promise.all(running.map(({ stream }) => closed(stream)));
    const since = performance.now();
    await told('clients', 'suspend', 'lab', '--why', 'invoice 17');
    await over;
    test.diagnostic(`${(performance.now() - since).toFixed(0)} ms from the command to the last closed tunnel`);
    assert.ok(performance.now() - since < 1_000);
    assert.match((await ask('absolute', lab)).text, /^HTTP\/1\.1 403 [^]*invoice 17/);
    assert.deepEqual(await statuses(lab), [403, 403, 403, 403]);
    assert.equal(String(await said(other.stream, 'still')), 'still');
    other.stream.destroy();
    const explained = await told('explain', '--destination', `127.0.0.1:${to}`, '--proxy', 'own', '--as', 'lab');
    assert.equal(explained['code'], 'client-suspended');
    await told('clients', 'resume', 'lab');
    await until(async () => (await quiet(), await statuses(lab)).every((status) => status === 200));
  });

  it('what it used is its own account', async () => {
    const used = async (name: string): Promise<number> => Number((await told('clients', 'usage', name))['requests'] ?? 0);
    await until(async () => (await used('lab')) > 4 && (await used('others')) >= 4);
    await until(async () => {
      const { events } = await command('clients', 'usage', 'lab');
      // Six at least: two beyond its tunnels, four while it was suspended.
      return Number(events.find((event) => event['destination'] === null)?.['refusals']) >= 6;
    });
  });

  it('who is the client no more has nothing that runs; another certificate takes its place', async () => {
    const running = await ask('connect', lab);
    running.stream.resume();
    const over = closed(running.stream);
    const next = await told('clients', 'set', 'lab', '--fingerprint', mark(ben), '--without', `fingerprint:${mark(lab).slice(0, 20)}…`);
    assert.deepEqual(next['members'], [`fingerprint:${mark(ben)}`]);
    await over;
    // By its name it is the other client now.
    assert.equal((await command('clients', 'set', 'lab', '--certificate', join(folder, 'lab.crt'))).code, 0);
  });

  it('curl --proxy-cert', { skip: withoutCurl }, async () => {
    const through = ['--noproxy', '', '--proxy', `https://127.0.0.1:${ports.own}`, '--proxy-cacert', gateway.ca];
    const shown = ['--proxy-cert', join(folder, 'lab.crt'), '--proxy-key', join(folder, 'lab.key')];
    const [plain, tunnel, without] = await Promise.all([
      curl([...through, ...shown, `http://127.0.0.1:${to}/`]),
      curl([...through, ...shown, '--proxytunnel', `http://127.0.0.1:${to}/`]),
      curl([...through, `http://127.0.0.1:${to}/`]),
    ]);
    assert.deepEqual([plain.body, tunnel.body, without.status], ['there', 'there', 407], plain.said + tunnel.said);
  });
});

it('probe resistance: a proxy that hides is an ordinary web server to whoever shows no certificate', async () => {
  const eve = await signed({ cn: ['lab'], issuer: await authority('Other') });
  for (const shown of [null, eve]) {
    for (const [asked, status] of [
      [head('GET', `http://127.0.0.1:${to}/x`), 404],
      [head('GET', '/.sallyport/client'), 404],
      [head('CONNECT', `127.0.0.1:${to}`), 405],
      [head('CONNECT', 'a.example'), 400],
      [head('GET', 'https://a.example/'), 400],
      ['GET / HTTP/1.1\r\n\r\n', 400],
    ] as const) {
      const heard = (await said(await opened(shown, ports.hidden), asked)).toString();
      assert.match(heard, new RegExp(`^HTTP/1\\.1 ${status} `), asked);
      assert.doesNotMatch(heard, /proxy|sallyport|malformed/i);
    }
  }
  const heard = await said(await opened(renewed, ports.hidden), head('CONNECT', `127.0.0.1:${to}`));
  assert.match(heard.toString(), /^HTTP\/1\.1 200 /);
});

describe('the command', () => {
  it('says what is no certificate, and whose one is already', async () => {
    const wrong = async (...words: string[]) => (await command('clients', 'add', 'more', ...words)).code;
    assert.equal(await wrong('--certificate', join(folder, 'none.crt')), codes['file-missing'].exit);
    assert.equal(await wrong('--certificate', folder), codes['file-missing'].exit);
    assert.equal(await wrong('--certificate', join(folder, 'not.crt')), codes['certificate-unusable'].exit);
    for (const hex of ['abc', 'g'.repeat(64), `${mark(lab)}00`]) assert.equal(await wrong('--fingerprint', hex), codes['usage-wrong'].exit);
    for (const name of ['', 'a\u0000b', 'ü', 'x'.repeat(400)]) assert.equal(await wrong('--holder', name), codes['usage-wrong'].exit, name);
    for (const of of [
      ['--role', 'web'],
      ['--allow', '192.0.2.0/24'],
      ['--for', '1w'],
    ])
      assert.equal(await wrong('--holder', 'eve', ...of), codes['usage-wrong'].exit, of.join(' '));
    assert.equal(await wrong('--holder', 'lab'), codes['client-taken'].exit);
    assert.equal(await wrong('--fingerprint', mark(ben).toUpperCase()), codes['client-taken'].exit);
    assert.equal((await command('clients', 'set', 'lab', '--without', 'key:lab')).code, codes['usage-wrong'].exit);
    const last = await command('clients', 'set', 'others', '--without', 'certificate:lab');
    assert.equal(last.code, codes['usage-wrong'].exit);
    assert.equal((await command('clients', 'list')).events.length, 2);
  });

  it('removes a client with the certificates that were made for it here', async () => {
    await told('clients', 'certificate', 'visitor', '--pem', folder);
    await told('clients', 'add', 'visiting', '--certificate', join(folder, 'visitor.crt'));
    await told('clients', 'remove', 'visiting');
    // A name may be somebody's elsewhere, too: such a certificate stays, and that is said.
    await told('clients', 'certificate', 'named', '--pem', folder);
    await told('clients', 'add', 'naming', '--holder', 'named', '--fingerprint', 'ab'.repeat(32));
    const terminal = scriptedTerminal({ home: join(folder, 'home') });
    assert.equal(await runCommand(['clients', 'remove', 'naming'], terminal), 0);
    assert.match(terminal.written(), /fingerprint:(?:ab){32}, certificate:named: not revoked\./);
    const { events } = await command('clients', 'certificates', 'list');
    assert.deepEqual(
      new Map(events.map((event) => [event['name'], event['revoked'] !== null])),
      new Map([
        ['named', false],
        ['visitor', true],
      ]),
    );
  });
});

it('terms: a certificate opens nothing until its owner has accepted them on the page, and is told how to be shown', async () => {
  await writeFile(join(folder, 'terms.md'), '# Be kind\n');
  await gateway.rewrite(text('clients: { terms: { file: terms.md, version: "1" } }\n').replaceAll('terms.md', join(folder, 'terms.md')));
  const refused = (await said(await opened(lab), head('CONNECT', `127.0.0.1:${to}`))).toString();
  assert.match(refused, /^HTTP\/1\.1 403 [^]*The certificate of lab opens nothing until the terms of use \(1\) are accepted at https:/);
  const asked = async (method: string, path: string, form = ''): Promise<string> => {
    const socket = await opened(lab);
    const origin = `https://127.0.0.1:${ports.own}`;
    const fields = `Host: 127.0.0.1:${ports.own}\r\nAccept: text/html\r\nConnection: close\r\nOrigin: ${origin}\r\nSec-Fetch-Site: same-origin\r\n`;
    const body = form === '' ? '\r\n' : `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n${form}`;
    socket.write(`${method} ${path} HTTP/1.1\r\n${fields}${body}`);
    let heard = '';
    for await (const bytes of socket) heard += (bytes as Buffer).toString('latin1');
    return heard;
  };
  const page = await asked('GET', '/.sallyport/client');
  assert.match(page, /^HTTP\/1\.1 200 [^]*Be kind[^]*--proxy-cert client\.crt/);
  assert.doesNotMatch(page, /YOUR-KEY/);
  const [, hash = ''] = /name="hash" value="([0-9a-f]{64})"/.exec(page) ?? [];
  assert.match(await asked('POST', '/.sallyport/client/accept', `version=1&hash=${hash}`), /^HTTP\/1\.1 200 /);
  await until(async () => (await said(await opened(lab), head('CONNECT', `127.0.0.1:${to}`))).toString().startsWith('HTTP/1.1 200 '));
  const { events } = await command('clients', 'show', 'lab');
  assert.match(JSON.stringify(events[0]?.['accepted']), /"by":"certificate:lab"/);
});
