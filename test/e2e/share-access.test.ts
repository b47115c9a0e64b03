/** Who may come into a share: passwords beside a service's own, networks, time, folders, webhooks, as curl meets them. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { useCheapHashes } from './cheap-hashes.ts';
import { curl, withoutCurl } from './curl.ts';
import { accessOf, text } from './lines.ts';
import { freshHome, runInside, type ProgramOptions } from './program.ts';
import { startService } from './service.ts';
import { openWebSocket } from './websocket.ts';

useCheapHashes();

type Context = Parameters<typeof freshHome>[0];
const skip = withoutCurl;
const password = 'four unrelated words here';
const ana = `ana:${password}`;

/** A share that is ready, and curl at its address. */
async function shared(context: Context, words: readonly string[], options: Partial<ProgramOptions> = {}) {
  const home = await freshHome(context);
  const share = runInside(context, words, { home, ...options });
  const ready = await share.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  const visit = (path: string, ...more: readonly string[]) => curl(['--cacert', ca, ...more, `${url}${path}`]);
  return { home, share, ready, url, ca, visit };
}

/** A service that asks for its own password and says which credentials it saw. */
async function ownPassword(context: Context): Promise<Readonly<{ port: number; seen: string[] }>> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(JSON.stringify(request.rawHeaders));
    const right = request.headers.authorization === `Basic ${Buffer.from('app:app-secret').toString('base64')}`;
    response
      .writeHead(right ? 200 : 401, right ? {} : { 'WWW-Authenticate': 'Basic realm="the app"' })
      .end(right ? 'the app' : 'app says no');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

test('http --password: curl -u comes in, a wrong one does not, and who guesses has to wait', { skip }, async (context) => {
  const { port, seen } = await startService(context);
  const env = { SALLYPORT_PASSWORD: password };
  const { ready, visit } = await shared(context, ['http', String(port), '--name', 'demo', '--password', 'ana'], { env });
  assert.deepEqual(accessOf(ready), [{ kind: 'password', users: ['ana'] }]);
  const stranger = await visit('/');
  assert.deepEqual([stranger.status, stranger.fields.get('www-authenticate')?.startsWith('Basic ')], [401, true]);
  const navigation = await visit('/', '-H', 'Accept: text/html', '-H', 'Sec-Fetch-Mode: navigate', '-H', 'Sec-Fetch-Dest: document');
  assert.equal(navigation.status, 401);
  assert.match(navigation.body, /<form[^>]*action="\/\.sallyport\/login"/);
  assert.equal((await visit('/', '-u', ana)).status, 200);
  assert.equal((await visit('/x', '-u', ana, '-d', 'a=b')).status, 200, 'a script may post');
  assert.equal((await visit('/x', '-u', ana, '-d', 'a=b', '-H', 'Origin: https://evil.example')).status, 403);
  // What let them in is spent: the service never sees it.
  assert.doesNotMatch(JSON.stringify(seen), /authorization/i);
  let last = await visit('/', '-u', 'ana:wrong 0');
  for (let guess = 1; guess < 12 && last.status === 401; guess += 1) last = await visit('/', '-u', `ana:wrong ${guess}`);
  assert.equal(last.status, 429);
  assert.ok(Number(last.fields.get('retry-after')) > 0);
  // A right guess tells the guesser nothing while they wait; who was in before stays in.
  assert.equal((await visit('/', '-u', 'ana:another guess')).status, 429);
  assert.equal((await visit('/', '-u', ana)).status, 200);
  assert.equal(seen.length, 3);
});

test(
  'a service that asks for its own password as well: by a session and Authorization, or by Sallyport-Authorization',
  { skip },
  async (context) => {
    const app = await ownPassword(context);
    const env = { SALLYPORT_PASSWORD: password };
    const { visit } = await shared(context, ['http', String(app.port), '--password', 'ana'], { env });
    assert.equal((await visit('/', '-u', 'app:app-secret')).status, 401, 'the app’s password is not ours');
    assert.equal(app.seen.length, 0);
    // One field cannot speak to both: ours is spent, and the app asks for its own.
    const first = await visit('/', '-u', ana);
    assert.deepEqual([first.status, first.body, first.fields.get('www-authenticate')], [401, 'app says no', 'Basic realm="the app"']);
    const form = ['--data-urlencode', 'user=ana', '--data-urlencode', `password=${password}`, '--data-urlencode', 'to=/orders?open=1'];
    const signedIn = await visit('/.sallyport/login', ...form);
    assert.deepEqual([signedIn.status, signedIn.fields.get('location')], [303, '/orders?open=1']);
    const cookie = `Cookie: ${signedIn.fields.get('set-cookie')?.split(';')[0]}`;
    assert.equal((await visit('/', '-H', cookie)).body, 'app says no');
    assert.deepEqual((await visit('/', '-H', cookie, '-u', 'app:app-secret')).body, 'the app');
    const own = `Sallyport-Authorization: Basic ${Buffer.from(ana).toString('base64')}`;
    assert.deepEqual((await visit('/', '-H', own, '-u', 'app:app-secret')).body, 'the app');
    assert.equal((await visit('/', '-H', `${own}x`, '-u', 'app:app-secret')).status, 401);
    const told = app.seen.join('\n');
    assert.doesNotMatch(told, /sallyport-authorization/i);
    assert.equal(told.includes(Buffer.from(ana).toString('base64')) || told.includes(cookie.slice(20)), false);
  },
);

test('http --allow behind a relay admits by address and warns that the address is the relay’s word', { skip }, async (context) => {
  const { port } = await startService(context);
  const { share, ready, visit } = await shared(context, ['http', String(port), '--allow', '127.0.0.0/8']);
  assert.equal((await share.line('warning'))['code'], 'address-alone');
  assert.deepEqual(accessOf(ready), [{ kind: 'ip', allow: ['127.0.0.0/8'] }]);
  assert.equal((await visit('/', '-H', 'X-Forwarded-For: 192.0.2.7')).status, 200);
  const other = await shared(context, ['http', String(port), '--allow', '192.0.2.0/24', '--password', 'ana'], {
    env: { SALLYPORT_PASSWORD: password },
  });
  // A visitor's own word about the address counts nothing, and the network alone lets nobody in.
  const lie = ['-H', 'X-Forwarded-For: 192.0.2.7', '-H', 'Forwarded: for=192.0.2.7', '-H', 'X-Real-IP: 192.0.2.7'];
  assert.equal((await other.visit('/', ...lie, '-u', ana)).status, 401);
  assert.deepEqual(
    other.share.lines.filter(({ event }) => event === 'warning'),
    [],
  );
});

test('http --for: at its end live streams are cut, the program ends with 0, and the address is dead', { skip }, async (context) => {
  const { port } = await startService(context);
  const { share, ready, url, ca, visit } = await shared(context, ['http', String(port), '--public', '--for', '2s']);
  const expires = Date.parse(text(ready, 'expires'));
  const live = await openWebSocket(`${url}/echo`, { ca });
  assert.ok(typeof live !== 'number');
  live.on('error', () => undefined);
  await new Promise((resolve) => live.once('close', resolve));
  assert.ok(Date.now() >= expires - 50 && Date.now() < expires + 1_000, `${Date.now() - expires} ms after its end`);
  assert.equal(await share.exited, 0);
  assert.deepEqual(share.lines.find(({ event }) => event === 'closed')?.['why'], 'expired');
  // Refused; or, where another test's relay has taken the port meanwhile, a relay that knows no such name.
  assert.ok([7, 35].includes((await visit('/')).exit ?? 0));
});

test('dir: files with ETag and ranges, and nothing hidden, linked out of it or listed unasked', { skip }, async (context) => {
  const home = await freshHome(context);
  const folder = join(home, 'site');
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(home, 'secret.txt'), 'not yours');
  await writeFile(join(folder, 'page.txt'), '0123456789');
  await writeFile(join(folder, '.env'), 'KEY=not yours');
  await writeFile(join(folder, 'sub', 'index.html'), '<p>hello');
  await symlink(join(home, 'secret.txt'), join(folder, 'out.txt'));
  const { visit } = await shared(context, ['dir', folder, '--public', '--no-firewall']);
  const page = await visit('/page.txt');
  assert.deepEqual([page.status, page.body], [200, '0123456789']);
  const part = await visit('/page.txt', '-r', '2-4');
  assert.deepEqual([part.status, part.body, part.fields.get('content-range')], [206, '234', 'bytes 2-4/10']);
  assert.equal((await visit('/page.txt', '-H', `If-None-Match: ${page.fields.get('etag')}`)).status, 304);
  assert.equal((await visit('/sub/')).body, '<p>hello');
  for (const path of ['/.env', '/out.txt', '/', '/../secret.txt', '/sub/..%2f..%2fsecret.txt', '/%2e%2e/secret.txt']) {
    const refused = await visit(path, '--path-as-is');
    assert.ok(refused.status >= 400 && !refused.body.includes('not yours'), `${path}: ${refused.status} ${refused.body}`);
  }
});

test('http --webhook: a signature opens one path for POST, and nothing else of the service', { skip }, async (context) => {
  const { port, seen } = await startService(context);
  const { ready, visit } = await shared(context, ['http', String(port), '--webhook', '/hook=github']);
  const hook = accessOf(ready).find(({ kind }) => kind === 'webhook');
  const body = '{"action":"opened"}';
  const signed = (text: string) => [
    '-H',
    `X-Hub-Signature-256: sha256=${createHmac('sha256', String(hook?.['secret'])).update(text).digest('hex')}`,
  ];
  assert.equal((await visit('/hook', ...signed(body), '-d', body)).status, 200);
  assert.deepEqual([seen[0]?.url, seen[0]?.bytes], ['/hook', body.length]);
  const refused = [
    await visit('/hook', ...signed(body), '-d', `${body} `),
    await visit('/hook', '-d', body),
    await visit('/hook', ...signed(''), '-X', 'PUT'),
    await visit('/hook/', ...signed(body), '-d', body),
    await visit('/hook/..%2fadmin', ...signed(body), '-d', body),
    await visit('/', ...signed(body), '-d', body),
    await visit('/'),
  ];
  assert.deepEqual(
    refused.map(({ status }) => status),
    refused.map(() => 401),
  );
  assert.equal(seen.length, 1);
});
