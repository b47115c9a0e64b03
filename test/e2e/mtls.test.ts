/** Client certificates at a gateway's own door: whom they let in, and whom not. One gateway, in this process. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { authority, serverAuth, signed, type Signed } from '../doubles/client-pki.ts';
import { freePort } from './free-port.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

type Done = () => Promise<void>;
type Said = Readonly<{ status: number; text: string }>;

describe('mtls at a door of the gateway', () => {
  const ends: Done[] = [];
  const context = { after: (done: Done) => void ends.unshift(done) };
  let root: Signed;
  let folder: string;
  let port: number;
  let service: number;
  let ca: Buffer;
  let gateway: WrittenGateway;
  let heard: IncomingHttpHeaders = {};

  const client = (cn: string, more: Partial<Parameters<typeof signed>[0]> = {}): Promise<Signed> =>
    signed({ cn: [cn], issuer: root, ...more });

  async function opened(name: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ host: '127.0.0.1', port, servername: name, ca, ...options });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  }

  async function asked(socket: TLSSocket, host: string, more = ''): Promise<Said> {
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
    let text = '';
    while (!/\r\n\r\n[^]*\n?$/.test(text) || !text.includes('\r\n\r\n')) {
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      text += bytes.toString('latin1');
    }
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text };
  }

  async function visit(
    name: string,
    shown: Signed | null,
    more: ConnectionOptions & { chain?: readonly Signed[]; head?: string } = {},
  ): Promise<Said> {
    const { chain = [], head = '', ...options } = more;
    const pair = shown === null ? {} : { cert: [shown, ...chain].map(({ cert }) => cert).join(''), key: shown.key };
    const socket = await opened(name, { ...pair, ...options });
    try {
      return await asked(socket, name, head);
    } finally {
      socket.destroy();
    }
  }

  const lastWhy = (): string => gateway.events.findLast((event) => event.event === 'exchange')?.record.why ?? '';
  const codeOf = (): string | null => {
    const record = gateway.events.findLast((event) => event.event === 'exchange')?.record;
    return record?.code ?? null;
  };

  const text = (): string => `listen: ["https://127.0.0.1:${port}"]
services:
  open: { at: open.localhost, to: ${service}, access: [public] }
  files: { at: files.localhost, to: ${service}, access: [{ mtls: { ca: ${join(folder, 'root.pem')} } }] }
  both: { at: both.localhost, to: ${service}, access: [{ mtls: { ca: ${join(folder, 'root.pem')}, names: [ana] }, password: {} }] }
  either: { at: either.localhost, to: ${service}, access: [{ mtls: { ca: ${join(folder, 'root.pem')}, names: [ana] } }, { password: {} }] }
  mail: { at: mail.localhost, to: ${service}, access: [{ mtls: { ca: ${join(folder, 'root.pem')}, name: email, roles: { ana@example.org: [admin] } } }] }
`;

  before(async () => {
    folder = await ownFolder(context);
    root = await authority('Root');
    await writeFile(join(folder, 'root.pem'), root.cert);
    const server = createServer((request, response) => {
      heard = request.headers;
      response.end('the service');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    context.after(async () => void server.close());
    service = (server.address() as AddressInfo).port;
    port = await freePort();
    gateway = await startWritten(context, { folder, users: ['ana'], text: text() });
    await gateway.event(isReady);
    ca = await readFile(gateway.ca);
  });
  after(async () => {
    for (const end of ends) await end();
  });

  it('lets in who has one, over TLS 1.2 and 1.3, and shows everybody else the same face', async () => {
    const ana = await client('ana');
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { status, text: body } = await visit('files.localhost', ana, { minVersion: version, maxVersion: version });
      assert.equal(status, 200, body);
      assert.equal((await visit('files.localhost', null, { minVersion: version, maxVersion: version })).status, 401);
    }
    assert.equal(codeOf(), 'credentials-missing');
    const faceOf = async (name: string, shown: Signed | null): Promise<string> =>
      (await visit(name, shown)).text.replace(/^Date: .*$/m, '').replaceAll(name, 'NAME');
    const other = await signed({ cn: ['ana'], issuer: await authority('Other') });
    assert.equal(await faceOf('files.localhost', other), await faceOf('files.localhost', null));
    assert.equal((await visit('files.localhost', ana)).status, 200);
  });

  const refused = async (name: string, shown: Signed, why: RegExp, more: Parameters<typeof visit>[2] = {}): Promise<void> => {
    assert.equal((await visit(name, shown, more)).status, 401);
    assert.match(lastWhy(), why);
  };

  it('client certificate of another authority, also with the same names', async () => {
    const other = await authority('Root');
    await refused('files.localhost', await signed({ cn: ['ana'], issuer: other }), /TLS found no path/);
    await refused('files.localhost', await signed({ cn: ['ana'], issuer: other }), /TLS found no path/, { chain: [other] });
  });

  it('self-signed client certificate with the same subject', async () => {
    await refused('files.localhost', await signed({ cn: ['ana'], issuer: null }), /TLS found no path/);
    await refused('files.localhost', await signed({ cn: ['Root'], issuer: null }), /TLS found no path/);
  });

  it('expired client certificate, and one that is not valid yet', async () => {
    await refused('files.localhost', await client('ana', { fromDays: -9, toDays: -1 }), /has ended/);
    assert.equal(codeOf(), 'credentials-expired');
    await refused('files.localhost', await client('ana', { fromDays: 1 }), /CERT_NOT_YET_VALID/);
  });

  it('client certificate without clientAuth, and the authority itself', async () => {
    await refused('files.localhost', await client('ana', { uses: [serverAuth] }), /INVALID_PURPOSE/);
    await refused('files.localhost', await client('ana', { uses: null }), /does not say that it is for clients/);
    await refused('files.localhost', root, /is an authority|TLS found no path/);
  });

  it('client certificate below an authority that may have none below it (pathlen)', async () => {
    const middle = await signed({ cn: ['Middle'], issuer: root, authority: { pathLength: 0 } });
    const low = await signed({ cn: ['Low'], issuer: middle, authority: {} });
    assert.equal((await visit('files.localhost', await signed({ cn: ['ana'], issuer: middle }), { chain: [middle] })).status, 200);
    await refused('files.localhost', await signed({ cn: ['ana'], issuer: low }), /PATH_LENGTH/, { chain: [low, middle] });
    // A client is no authority.
    const ana = await client('ana');
    await refused('files.localhost', await signed({ cn: ['eve'], issuer: ana }), /TLS found no path/, { chain: [ana] });
  });

  it('san confusion: NUL, two names, another kind, capitals', async () => {
    const mail = (...values: string[]): Promise<Signed> => client('eve', { names: values.map((value) => ({ type: 'email', value })) });
    assert.equal((await visit('mail.localhost', await mail('Ana@Example.org'))).status, 200);
    await refused('mail.localhost', await mail('ana@example.org\0.evil.example'), /not exactly one name/);
    await refused('mail.localhost', await mail('ana@example.org', 'eve@example.org'), /not exactly one name/);
    await refused('mail.localhost', await mail('ana@example.org, email:root@example.org'), /not exactly one name/);
    await refused('mail.localhost', await client('ana@example.org'), /not exactly one name/);
    await refused('mail.localhost', await client('eve', { names: [{ type: 'dns', value: 'ana@example.org' }] }), /not exactly one name/);
    await refused('files.localhost', await signed({ cn: ['ana', 'eve'], issuer: root }), /not exactly one name/);
    await refused('files.localhost', await client('ana\nroot'), /not exactly one name/);
    await refused('both.localhost', await client('\u0430na'), /none of those|not exactly one name/);
  });

  it('certificate identity in a field that the visitor sent is removed, and is nobody', async () => {
    const said = ['X-Client-Cert', 'Client-Cert', 'X-SSL-Client-Verify', 'X-Forwarded-Client-Cert', 'Ssl-Client-Cert', 'X-Sallyport-User'];
    const head = said.map((name) => `${name}: SUCCESS ana\r\n`).join('');
    assertStranger(await visit('files.localhost', null, { head }));
    assert.equal((await visit('files.localhost', await client('ana'), { head })).status, 200);
    for (const name of said) assert.equal(heard[name.toLowerCase()], undefined, name);
  });

  it('session of another name brings no identity, and none of a name with certificates is resumed', async () => {
    const ana = await client('ana');
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const only: ConnectionOptions = { minVersion: version, maxVersion: version };
      const sessionOf = async (name: string, shown: Signed | null): Promise<Buffer> => {
        const socket = await opened(name, { ...only, ...shown });
        const tickets: Buffer[] = [];
        socket.on('session', (ticket) => tickets.push(ticket));
        await asked(socket, name);
        socket.destroy();
        return tickets.at(-1) ?? socket.getSession() ?? Buffer.alloc(0);
      };
      const [plain, known] = [await sessionOf('open.localhost', null), await sessionOf('files.localhost', ana)];
      for (const [name, session] of [
        ['files.localhost', plain],
        ['files.localhost', known],
        ['both.localhost', known],
      ] as const) {
        const socket = await opened(name, { ...only, session });
        assert.equal(socket.isSessionReused(), false, `${version} ${name}`);
        assertStranger(await asked(socket, name));
        socket.destroy();
      }
      const socket = await opened('open.localhost', { ...only, session: known });
      assert.equal(socket.isSessionReused(), false);
      socket.destroy();
    }
  });

  it('connection coalescing: another name on the same connection is misdirected, with a certificate too', async () => {
    const ana = await client('ana');
    const socket = await opened('open.localhost', ana);
    assert.equal((await asked(socket, 'files.localhost')).status, 421);
    socket.destroy();
    const known = await opened('files.localhost', ana);
    assert.equal((await asked(known, 'mail.localhost')).status, 421);
    known.destroy();
    const over = await opened('files.localhost', { ...ana, ALPNProtocols: ['h2'] });
    const session = connectHttp2(`https://files.localhost:${port}`, { createConnection: () => over });
    session.on('error', () => undefined);
    const status = async (host: string): Promise<unknown> => {
      const stream = session.request({ ':path': '/', ':authority': `${host}:${port}` });
      const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
      stream.resume();
      return fields[':status'];
    };
    assert.deepEqual([await status('files.localhost'), await status('mail.localhost'), await status('files.localhost')], [200, 421, 200]);
    session.destroy();
  });

  it('anyOf and allOf: beside a password, and in its place', async () => {
    const [ana, eve] = [await client('ana'), await client('eve')];
    const head = `Authorization: Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}\r\n`;
    const statuses = async (name: string): Promise<readonly number[]> => [
      (await visit(name, ana, { head })).status,
      (await visit(name, ana)).status,
      (await visit(name, null, { head })).status,
      (await visit(name, eve, { head })).status,
      (await visit(name, eve)).status,
    ];
    assert.deepEqual(await statuses('both.localhost'), [200, 401, 401, 401, 401]);
    assert.deepEqual(await statuses('either.localhost'), [200, 200, 200, 200, 401]);
  });

  it('a page of another site sends nothing in the name of a certificate', async () => {
    const ana = await client('ana');
    const socket = await opened('files.localhost', ana);
    socket.write('POST / HTTP/1.1\r\nHost: files.localhost\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    assert.match(bytes.toString(), /^HTTP\/1\.1 403 /);
    socket.destroy();
  });

  it('explain names it', async () => {
    const asking = { url: 'https://files.localhost/', method: 'GET', from: '192.0.2.7', as: null };
    const { verdict, rule } = await gateway.gateway.explain(asking);
    assert.deepEqual([verdict, rule], ['ask', 'a client certificate of an authority in files']);
    assert.equal((await gateway.gateway.explain({ ...asking, as: 'certificate:ana' })).verdict, 'admit');
    assert.equal((await gateway.gateway.explain({ ...asking, url: 'https://both.localhost/', as: 'certificate:eve' })).verdict, 'refuse');
  });
});

function assertStranger({ status }: Said): void {
  assert.equal(status, 401);
}
