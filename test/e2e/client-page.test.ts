/** The page of a proxy's client: terms that open its key, its own matters and nobody else's, and a new key. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, after, describe, it } from 'node:test';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

type Answer = Readonly<{ status: number; body: string; fields: NodeJS.Dict<string | string[]> }>;

describe('the page of a client', () => {
  const ends: (() => Promise<unknown>)[] = [];
  const context = { after: (end: () => Promise<void>) => void ends.push(end) };
  const keys = new Map<string, string>();
  let folder: string;
  let port: number;
  let to: number;
  let gateway: WrittenGateway;
  let text: string;

  const told = async (...words: string[]): Promise<Readonly<Record<string, unknown>>> => {
    const terminal = scriptedTerminal({ home: join(folder, 'home') });
    assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.complained());
    return terminal.events()[0] ?? {};
  };
  const basic = (name: string, key = keys.get(name)): string => `Basic ${Buffer.from(`${name}:${key}`).toString('base64')}`;
  const ask = async (path: string, fields: Record<string, string>, form: Record<string, string> | null = null): Promise<Answer> => {
    const asked = request({ host: '127.0.0.1', port, path, method: form === null ? 'GET' : 'POST', headers: fields, agent: false });
    if (form !== null) asked.setHeader('Content-Type', 'application/x-www-form-urlencoded');
    asked.end(form === null ? undefined : new URLSearchParams(form).toString());
    const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
    let body = '';
    for await (const bytes of answer) body += String(bytes);
    return { status: answer.statusCode ?? 0, body, fields: answer.headers };
  };
  const tunnel = async (name: string, key = keys.get(name)): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\nProxy-Authorization: ${basic(name, key)}\r\n\r\n`);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return bytes.toString('latin1');
  };
  /** What the form of the terms would send. */
  const formOf = (body: string): Record<string, string> =>
    Object.fromEntries(Array.from(body.matchAll(/name="(version|hash)" value="([^"]*)"/g), ([, name = '', value = '']) => [name, value]));
  const page = '/.sallyport/client';

  before(async () => {
    folder = await ownFolder(context);
    port = await freePort();
    const server = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(async () => void server.close());
    to = (server.address() as AddressInfo).port;
    for (const name of ['partner', 'other']) keys.set(name, String((await told('clients', 'add', name, '--per-day', '2GB'))['key']));
    await writeFile(join(folder, 'terms.md'), '# Fair use\n\nBe *kind*. <script>alert(1)</script>\n');
    text = `clients: { terms: { file: terms.md, version: "2026-11" }, agreed: { uptime: 99.5, connect: 300ms, errors: 0.1 } }
services:
  out: { proxy: { listen: "http://127.0.0.1:${port}" }, access: [{ key: {} }], destinations: { allow: ["127.0.0.1:*"] } }
`;
    gateway = await startWritten(context, { folder, text });
    await gateway.event(isReady);
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  it('asks who it is, as a server does, and shows nothing to strangers', async () => {
    for (const fields of [{}, { Authorization: basic('partner', 'sallyport_nonsense') }, { 'Proxy-Authorization': basic('partner') }]) {
      const answer = await ask(page, fields);
      assert.equal(answer.status, 401);
      assert.match(String(answer.fields['www-authenticate']), /^Basic realm="sallyport"/);
      assert.doesNotMatch(answer.body, /partner|Fair use/);
    }
    assert.equal((await ask(`${page}/accept`, {}, { version: '2026-11' })).status, 401);
  });

  it('terms: a key opens nothing until they are accepted, and is told where', async () => {
    const refused = await tunnel('partner');
    assert.match(refused, /^HTTP\/1\.1 403 /);
    assert.ok(refused.includes(`(2026-11) are accepted at http://127.0.0.1:${port}${page}`), refused);
    const shown = await ask(page, { Authorization: basic('partner') });
    assert.equal(shown.status, 200);
    assert.match(shown.body, /<h2>Fair use<\/h2>\n<p>Be <em>kind<\/em>\. &#60;script/);
    // What was never read is not accepted.
    for (const form of [{}, { version: '2026-11', hash: '0'.repeat(64) }, { ...formOf(shown.body), version: '2025-01' }])
      assert.match((await ask(`${page}/accept`, { Authorization: basic('partner') }, form)).body, /have changed meanwhile/);
    assert.match(await tunnel('partner'), /^HTTP\/1\.1 403 /);
  });

  it('CSRF on accept and rotate: nothing is accepted and no key is made by a page of another site', async () => {
    const form = formOf((await ask(page, { Authorization: basic('partner') })).body);
    for (const from of [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }] as const) {
      for (const [path, sent] of [
        ['accept', form],
        ['rotate', { key: 'partner' }],
      ] as const) {
        const answer = await ask(`${page}/${path}`, { Authorization: basic('partner'), ...from }, sent);
        assert.ok(answer.status >= 400, `${path} from ${JSON.stringify(from)}: ${answer.status}`);
        assert.doesNotMatch(answer.body, /sallyport_/);
      }
    }
    // A GET changes nothing.
    const got = await ask(`${page}/accept?${new URLSearchParams(form).toString()}`, { Authorization: basic('partner') });
    assert.notEqual(got.status, 200);
    assert.equal((await told('clients', 'show', 'partner'))['accepted'], null);
  });

  it("a client reads another's page: never, whatever it asks for", async () => {
    for (const path of [page, `${page}?client=other`, `${page}?name=other&as=other`]) {
      const { body } = await ask(path, { Authorization: basic('partner'), 'X-Client': 'other' });
      assert.match(body, /Your access: partner/);
      assert.doesNotMatch(body, /other/);
    }
    for (const path of [`${page}/other`, `${page}/../client/other`, `${page}/accept/other`])
      assert.notEqual((await ask(path, { Authorization: basic('partner') })).status, 200, path);
    // Nor does it make a key of another's.
    const answer = await ask(`${page}/rotate`, { Authorization: basic('partner') }, { key: 'other' });
    assert.doesNotMatch(answer.body, /sallyport_[0-9A-Za-z]{39}/);
  });

  it('accepted terms open the key of whoever accepted, and the record says so with version and hash', async () => {
    const form = formOf((await ask(page, { Authorization: basic('partner') })).body);
    const own = { Authorization: basic('partner'), Origin: `http://127.0.0.1:${port}`, 'Sec-Fetch-Site': 'same-origin' };
    assert.match((await ask(`${page}/accept`, own, form)).body, /Thank you/);
    assert.match(await tunnel('partner'), /^HTTP\/1\.1 200 /);
    assert.match(await tunnel('other'), /^HTTP\/1\.1 403 /);
    const accepted = (await told('clients', 'show', 'partner'))['accepted'] as Record<string, string>;
    assert.deepEqual([accepted['version'], accepted['hash'], accepted['by']], ['2026-11', form['hash'], 'key:partner']);
    const records = gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));
    const said = records.find(({ why }) => why?.startsWith('the client partner accepted') === true);
    assert.deepEqual(
      [said?.who, said?.verdict, said?.why],
      ['key:partner', 'pass', `the client partner accepted the terms 2026-11, SHA-256 ${form['hash']}`],
    );
  });

  it('a new key is shown once, and the old one opens beside it', async () => {
    const { body, fields } = await ask(`${page}/rotate`, { Authorization: basic('partner') }, { key: 'partner' });
    const [fresh = ''] = /sallyport_[0-9A-Za-z]{39}/.exec(body) ?? [];
    assert.equal(fields['cache-control'], 'no-store');
    assert.match(await tunnel('partner', fresh), /^HTTP\/1\.1 200 /);
    assert.match(await tunnel('partner'), /^HTTP\/1\.1 200 /);
    assert.doesNotMatch((await ask(page, { Authorization: basic('partner') })).body, /sallyport_[0-9A-Za-z]{39}/);
    assert.doesNotMatch(JSON.stringify(gateway.events), new RegExp(fresh));
  });

  it('another text is another agreement, also under the same version; stored XSS by destination names or terms is text', async () => {
    await writeFile(join(folder, 'terms.md'), '# Fair use\n\nPay more.\n');
    await gateway.rewrite(text);
    assert.match(await tunnel('partner'), /^HTTP\/1\.1 403 /);
    await told('clients', 'suspend', 'partner', '--why', '<b>invoice</b>');
    let body = '';
    while (!body.includes('invoice')) {
      ({ body } = await ask(page, { Authorization: basic('partner') }));
      await new Promise((turn) => setTimeout(turn, 5));
    }
    assert.doesNotMatch(body, /<b>/);
  });
});
