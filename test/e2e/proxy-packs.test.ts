/** The firewall's packs `protocol` and `responses` before what a proxy carries in plain HTTP, and before a web service. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { freePort } from './free-port.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const login = `Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}`;
let gateway: WrittenGateway;
let ports: Readonly<{ strict: number; watched: number; plain: number; tls: number; web: number }>;
let to: number;
/** Connections that the destination has taken. */
let taken = 0;

/** Answers with the fields that the path names: `/Location:%20x`. */
before(async () => {
  const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
  const server = createServer((socket) => {
    taken += 1;
    socket
      .on('error', () => undefined)
      .on('data', (bytes: Buffer) => {
        const [, target = ''] = /^[A-Z]+ \/(\S*)/.exec(bytes.toString('latin1')) ?? [];
        const fields = decodeURIComponent(target.split('?')[0] ?? '')
          .split('|')
          .filter((line) => line.includes(':'))
          .map((line) => `${line}\r\n`);
        socket.write(`HTTP/1.1 200 OK\r\n${fields.join('')}Content-Length: 6\r\n\r\nsecret`);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  to = (server.address() as AddressInfo).port;
  ports = { strict: await freePort(), watched: await freePort(), plain: await freePort(), tls: await freePort(), web: await freePort() };
  const proxy = (listen: string, more: string): string =>
    `{ proxy: { listen: "${listen}" }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"] }${more} }`;
  gateway = await startWritten(context, {
    folder: await ownFolder(context),
    users: ['ana'],
    text: `listen: ["https://127.0.0.1:${ports.web}"]
services:
  strict: ${proxy(`http://127.0.0.1:${ports.strict}`, ', firewall: on')}
  secure: ${proxy(`https://127.0.0.1:${ports.tls}`, ', firewall: { protocol: on, responses: on }')}
  watched: ${proxy(`http://127.0.0.1:${ports.watched}`, ', firewall: watch')}
  plain: ${proxy(`http://127.0.0.1:${ports.plain}`, '')}
  web: { at: web.localhost, to: ${to}, access: [public], firewall: { paths: watch, protocol: on, responses: on } }
`,
  });
  await gateway.event((event): event is Extract<typeof event, { event: 'ready' }> => isReady(event) && event.service === 'web');
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

type Told = Readonly<{ status: number; text: string; record: AuditEvent; dials: number }>;

const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));

async function told(act: () => Promise<string>): Promise<Told> {
  const [dials, count] = [taken, records().length];
  const text = await act();
  while (records().length === count) await new Promise((turn) => setTimeout(turn, 5));
  const record = records().at(-1);
  assert.ok(record !== undefined);
  return { status: Number(text.slice(9, 12)), text, record, dials: taken - dials };
}

function asked(port: number, path: string, fields = '', method = 'GET'): Promise<Told> {
  return told(async () => {
    const socket: Socket = dial(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `${method} http://127.0.0.1:${to}${path} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\nProxy-Authorization: ${login}\r\nAccept: application/json\r\nConnection: close\r\n${fields}\r\n`,
    );
    let heard = '';
    for await (const bytes of socket) heard += (bytes as Buffer).toString('latin1');
    return heard;
  });
}

const twice = 'Range: bytes=0-1\r\nRange: bytes=5-6\r\n';
const script = `/${encodeURIComponent('Location: javascript:alert(1)')}`;

describe('before a proxy', () => {
  it('two readings of a request: refused before anything is dialled, and the record says who, where and by which rule', async () => {
    for (const [path, fields, rule] of [
      ['/', twice, 'twice'],
      ['/a%00b', '', 'control'],
      ['/', 'Content_Length: 3\r\n', 'lookalike'],
      ['/', 'Content-Length: 3\r\n\r\nabc', 'body'],
    ] as const) {
      const { status, text, record, dials } = await asked(ports.strict, path, fields);
      assert.deepEqual([status, dials], [403, 0], rule);
      assert.match(text, /application\/problem\+json[^]*"code":"request-denied"/);
      assert.match(text, /Proxy-Status: sallyport; error=http_request_denied/);
      assert.deepEqual([record.verdict, record.code, record.who, record.host], ['refuse', 'request-denied', 'user:ana', `127.0.0.1:${to}`]);
      assert.match(record.why ?? '', new RegExp(`^the firewall \\(protocol: ${rule}\\) refuses `));
    }
    assert.deepEqual([(await asked(ports.strict, '/', '', 'TRACE')).status, (await asked(ports.strict, '/')).status], [405, 200]);
  });

  it('malicious answers: refused before a byte of it is passed on', async () => {
    const { status, text, record } = await asked(ports.strict, script);
    assert.equal(status, 403);
    assert.match(text, /"code":"response-denied"/);
    assert.doesNotMatch(text, /secret|javascript/);
    assert.deepEqual([record.verdict, record.code, record.who], ['refuse', 'response-denied', 'user:ana']);
    assert.match(record.why ?? '', /^the firewall \(responses: redirect\) refuses /);
    const ntlm = `/${encodeURIComponent('WWW-Authenticate: NTLM')}`;
    assert.equal((await asked(ports.strict, ntlm)).record.code, 'response-denied');
  });

  it('watch lets all of it pass, and says so', async () => {
    const request = await asked(ports.watched, '/', twice);
    assert.equal(request.status, 200);
    assert.deepEqual([request.record.verdict, request.record.code], ['pass', null]);
    assert.match(request.record.why ?? '', /^would be refused: the firewall \(protocol: twice\)/);
    const both = await asked(ports.watched, script, twice);
    assert.match(both.text, /Location: javascript/);
    assert.match(both.record.why ?? '', /protocol: twice\).*; would be refused: the firewall \(responses: redirect\)/);
    assert.equal((await asked(ports.watched, '/')).record.why, null);
  });

  it('is off where nothing is said', async () => {
    const { status, record } = await asked(ports.plain, script, twice);
    assert.deepEqual([status, record.why], [200, null]);
  });

  it('in HTTP/2 as well', async (context) => {
    const session = connectHttp2(`https://127.0.0.1:${ports.tls}`, { ca: await readFile(gateway.ca) });
    context.after(() => session.destroy());
    const ask = (path: string, more = {}): Promise<Told> =>
      told(async () => {
        const fields = {
          ':method': 'GET',
          ':scheme': 'http',
          ':authority': `127.0.0.1:${to}`,
          ':path': path,
          'proxy-authorization': login,
        };
        const stream = session.request({ ...fields, ...more });
        const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
        let body = '';
        for await (const bytes of stream) body += String(bytes);
        return `HTTP/2.0 ${String(head[':status'])} ${body}`;
      });
    assert.deepEqual([(await ask('/a%00')).status, (await ask(script)).status, (await ask('/')).status], [403, 403, 200]);
    assert.equal((await ask('/', { range: 'bytes=9-1' })).record.code, 'request-denied');
  });
});

describe('before a web service', () => {
  it('by the same keys and rules', async () => {
    const { connect } = await import('node:tls');
    const ca = await readFile(gateway.ca);
    const ask = (path: string, fields = ''): Promise<Told> =>
      told(async () => {
        const socket = connect({ host: '127.0.0.1', port: ports.web, servername: 'web.localhost', ca });
        socket.write(`GET ${path} HTTP/1.1\r\nHost: web.localhost:${ports.web}\r\nConnection: close\r\n${fields}\r\n`);
        let heard = '';
        for await (const bytes of socket) heard += (bytes as Buffer).toString('latin1');
        return heard;
      });
    const [strict, leading, scanned, ntlm] = [
      await ask('/', twice),
      await ask(script),
      await ask('/.git/config'),
      await ask(`/${encodeURIComponent('WWW-Authenticate: NTLM')}`),
    ];
    assert.deepEqual([strict.status, strict.record.code, strict.dials], [403, 'request-denied', 0]);
    assert.deepEqual([leading.status, leading.record.code], [403, 'response-denied']);
    assert.deepEqual([scanned.status, scanned.record.why], [200, 'would be refused: the firewall refuses a hidden file']);
    // A service of one's own may ask for what it wants.
    assert.equal(ntlm.status, 200);
  });
});
