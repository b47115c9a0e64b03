/** The commands as their users run them: processes, files, signals and exit codes. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, basic } from './ask.ts';
import { freshHome, run, runInside, runRefused, runToEnd } from './program.ts';
import type { Line } from './program.ts';

type Context = { after: (done: () => Promise<void>) => void };
const password = 'four unrelated words here';

/** A service that says who asked for what. */
async function echo(context: Context): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    response.end(`${request.method} ${request.url} ${request.headers['x-forwarded-for']} ${request.socket.remoteAddress}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function text(line: Line, key: string): string {
  const value = line[key];
  assert.equal(typeof value, 'string', key);
  return String(value);
}

function accessOf(line: Line): readonly Readonly<Record<string, unknown>>[] {
  return line['access'] as readonly Readonly<Record<string, unknown>>[];
}

test('sallyport PORT: a secret link lets in, nothing else does, and Ctrl-C ends it within a second', async (context) => {
  const home = await freshHome(context);
  const port = await echo(context);
  const share = run(context, [String(port)], { home });
  const ready = await share.line('ready');
  assert.deepEqual(Object.keys(ready).toSorted(), ['access', 'ca', 'event', 'expires', 'fingerprint', 'hint', 'reach', 'service', 'url']);
  assert.equal(ready['service'], `web-${port}`);
  assert.equal(ready['reach'], 'machine');
  assert.match(text(ready, 'fingerprint'), /^[0-9a-f]{64}$/);
  assert.match(text(ready, 'expires'), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const url = text(ready, 'url');
  assert.match(url, new RegExp(`^https://web-${port}\\.localhost:\\d+$`));
  const ca = text(ready, 'ca');
  assert.equal((await ask(`${url}/`, { ca })).status, 401);

  const [link] = accessOf(ready);
  assert.equal(link?.['kind'], 'link');
  const opened = await ask(String(link['url']), { ca });
  assert.equal(opened.status, 303);
  const cookie = String(opened.headers['set-cookie']?.[0]).split(';')[0] ?? '';
  const admitted = await ask(`${url}/posts?x=1`, { ca, headers: { Cookie: cookie } });
  assert.equal(admitted.status, 200);
  assert.match(admitted.body, /^GET \/posts\?x=1 127\.0\.0\.1 127\.83\./);

  const before = performance.now();
  assert.equal(await share.stop('SIGINT'), 0);
  assert.equal(performance.now() - before < 1_000, true);
  await assert.rejects(ask(`${url}/`, { ca }));
  assert.equal((await runToEnd(context, ['links', 'list'], { home })).lines.length, 0, 'its link has ended with it');
});

test('http --password: Basic for programs, and the users are in the ready line', async (context) => {
  const home = await freshHome(context);
  const share = runInside(context, ['http', String(await echo(context)), '--name', 'demo', '--password', 'ana', '--for', 'never'], {
    home,
    env: { SALLYPORT_PASSWORD: password },
  });
  const ready = await share.line('ready');
  assert.deepEqual(accessOf(ready), [{ kind: 'password', users: ['ana'] }]);
  assert.equal(ready['expires'], null);
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  assert.equal((await ask(url, { ca })).status, 401);
  assert.equal((await ask(url, { ca, headers: basic('ana', 'wrong') })).status, 401);
  assert.equal((await ask(url, { ca, headers: basic('ana', password) })).status, 200);
  // A user who goes away is refused at once, in the running share; what they had begun is cut.
  assert.equal((await runToEnd(context, ['users', 'remove', 'ana'], { home, whole: true })).code, 0);
  let status = 200;
  for (let tried = 0; status === 200 && tried < 50; tried += 1)
    status = await ask(url, { ca, headers: basic('ana', password) }).then(
      (asked) => asked.status,
      () => status,
    );
  assert.equal(status, 401);
});

test('status, close, open and explain speak to the running process', async (context) => {
  const home = await freshHome(context);
  const share = runInside(context, [String(await echo(context)), '--name', 'demo', '--public'], { home });
  const ready = await share.line('ready');
  assert.deepEqual(accessOf(ready), [{ kind: 'public' }]);
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  assert.equal((await ask(url, { ca })).status, 200);

  const status = await runToEnd(context, ['status'], { home, whole: true });
  const [service] = status.lines[0]?.['services'] as readonly Readonly<Record<string, unknown>>[];
  assert.deepEqual(
    [status.code, status.lines[0]?.['pid'], service?.['name'], service?.['state'], service?.['url']],
    [0, process.pid, 'demo', 'ready', url],
  );

  const why = await runToEnd(context, ['explain', `${url}/.env`, '--from', '192.0.2.7'], { home });
  assert.deepEqual([why.lines[0]?.['service'], why.lines[0]?.['verdict']], ['demo', 'refuse']);

  const closed = await runToEnd(context, ['close', 'demo'], { home });
  assert.deepEqual([closed.code, closed.lines], [0, [{ event: 'closed', service: 'demo', why: 'switched' }]]);
  await share.line('closed');
  assert.equal(
    await ask(url, { ca }).then(
      ({ status }) => status !== 200,
      () => true,
    ),
    true,
  );
  const opened = await runToEnd(context, ['open', 'demo'], { home });
  assert.deepEqual(opened.lines, [{ event: 'opened', service: 'demo' }]);
  const missing = await runToEnd(context, ['close', 'nothing'], { home });
  assert.deepEqual([missing.code, missing.lines[0]?.['code']], [67, 'service-missing']);
});

test('a share ends by its clock, with exit 0', async (context) => {
  const share = runInside(context, [String(await echo(context)), '--for', '1s'], { home: await freshHome(context) });
  await share.line('closed', (line) => line['why'] === 'expired');
  assert.equal(await share.exited, 0);
});

test('a service that is down does not keep the address from living', async (context) => {
  const home = await freshHome(context);
  const spare = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => spare.once('listening', resolve));
  const { port } = spare.address() as AddressInfo;
  await new Promise((resolve) => spare.close(resolve));
  const share = runInside(context, [String(port), '--public'], { home });
  const ready = await share.line('ready');
  assert.equal((await ask(text(ready, 'url'), { ca: text(ready, 'ca') })).status, 502);
  const back = createServer((_request, response) => response.end('back')).listen(port, '127.0.0.1');
  await new Promise((resolve) => back.once('listening', resolve));
  context.after(async () => {
    back.closeAllConnections();
    back.close();
  });
  assert.equal((await ask(text(ready, 'url'), { ca: text(ready, 'ca') })).body, 'back');
});

test('a webhook opens one path for POST to whom signs, beside a closed rest', async (context) => {
  const share = runInside(context, [String(await echo(context)), '--webhook', '/hooks/build=github'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const [hook] = accessOf(ready);
  assert.deepEqual([hook?.['kind'], hook?.['path'], hook?.['method']], ['webhook', '/hooks/build', 'github']);
  const [url, ca] = [String(hook?.['url']), text(ready, 'ca')];
  const body = '{"ok":true}';
  const signature = `sha256=${createHmac('sha256', String(hook?.['secret'])).update(body).digest('hex')}`;
  assert.equal((await ask(url, { ca, method: 'POST', body, headers: { 'X-Hub-Signature-256': signature } })).status, 200);
  assert.equal((await ask(url, { ca, method: 'POST', body: `${body} `, headers: { 'X-Hub-Signature-256': signature } })).status, 401);
  assert.equal((await ask(url, { ca })).status, 401);
  assert.equal((await ask(text(ready, 'url'), { ca })).status, 401);
});

test("PageKite's words work, and a password among them is hidden and warned about", async (context) => {
  const home = await freshHome(context);
  const share = run(context, [String(await echo(context)), 'blog.example.org', `+password/ana=${password}`, '+insecure'], { home });
  const ready = await share.line('ready');
  assert.equal((await share.line('warning'))['code'], 'secret-spoken');
  assert.equal(ready['service'], 'blog');
  assert.equal((await ask(text(ready, 'url'), { ca: text(ready, 'ca'), headers: basic('ana', password) })).status, 200);
  if (process.platform === 'linux') assert.equal(readFileSync(`/proc/${share.pid}/cmdline`, 'utf8').includes('unrelated'), false);
  assert.equal(JSON.stringify(share.lines).includes('unrelated'), false);
});

test('gateway: plain HTTP for a trusted network, and a second copy says what is in its way', async (context) => {
  const home = await freshHome(context);
  const port = await echo(context);
  const config = join(home, 'shop.yaml');
  const write = (listen: string) =>
    writeFile(config, `listen: ${listen}\nnetwork: trusted\nservices:\n  shop: { to: ${port}, access: [public] }\n`);
  await write('http://127.0.0.1:0');
  const gateway = runInside(context, ['gateway', '--config', config], { home });
  const ready = await gateway.line('ready');
  assert.deepEqual([ready['reach'], ready['ca'], ready['fingerprint'], ready['expires']], ['machine', null, null, null]);
  const url = text(ready, 'url');
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await ask(url)).status, 200);

  await write(url);
  const second = await runRefused(context, ['gateway', '--config', config], { home: await freshHome(context) });
  assert.deepEqual([second.code, second.lines.at(-1)?.['code']], [69, 'address-in-use']);
  assert.equal(second.lines.length, 1);
});

test('gateway: a preset that asks for a password refuses to start without a user', async (context) => {
  const home = await freshHome(context);
  const config = join(home, 'sallyport.yaml');
  await writeFile(config, 'listen: https://127.0.0.1:0\nservices:\n  shop: { to: 3000 }\n');
  const { code, lines } = await runRefused(context, ['gateway'], { home, cwd: home });
  assert.deepEqual([code, lines.at(-1)?.['code']], [67, 'user-missing']);
  assert.match(String(lines.at(-1)?.['hint']), /sallyport users add/);
});

test('up: a broken file leaves the old configuration, a good one takes its place, without a restart', async (context) => {
  const home = await freshHome(context);
  const folder = join(home, 'conf');
  await mkdir(folder);
  const config = join(folder, 'sallyport.yaml');
  const port = await echo(context);
  const good = (access: string) => `services:\n  shop: { to: ${port}, access: [${access}] }\n`;
  await writeFile(config, good('public'));
  const up = runInside(context, ['up', '--config', config], { home });
  const ready = await up.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  assert.equal((await ask(url, { ca })).status, 200);

  await writeFile(config, `services:\n\tshop: {}\n`);
  const error = await up.line('error');
  assert.equal(error['code'], 'config-malformed');
  assert.match(text(error, 'message'), /line 2, column 1.*tab.*The old configuration stays\./);
  assert.equal((await ask(url, { ca })).status, 200);

  await writeFile(config, good('{ link: {} }'));
  await up.line('reloaded');
  assert.equal((await ask(url, { ca })).status, 401);

  await writeFile(config, good('{ password: {} }'));
  assert.match(text(await up.line('error', (line) => line['code'] === 'user-missing'), 'message'), /The old configuration stays/);
  assert.equal(await up.stop('SIGTERM'), 0);
});

test('relay, invite, join and http in four homes: a name of the relay leads to the service', async (context) => {
  const [relayHome, gatewayHome, otherHome] = [await freshHome(context), await freshHome(context), await freshHome(context)];
  const relay = run(context, ['relay', '--listen', '127.0.0.1:0', '--domain', 'example.test'], { home: relayHome });
  const listening = await relay.line('listening');
  assert.match(text(listening, 'fingerprint'), /^[0-9a-f]{64}$/);
  const [address = ''] = listening['addresses'] as readonly string[];
  assert.match(address, /^127\.0\.0\.1:\d+$/);

  const invite = await runToEnd(context, ['relay', 'invite', 'blog'], { home: relayHome });
  assert.equal(invite.lines[0]?.['name'], 'blog.example.test');
  const elsewhere = await runToEnd(context, ['relay', 'invite', 'shop', '--address', '192.0.2.1:8443'], { home: relayHome });
  assert.match(text(elsewhere.lines[0] as Line, 'code'), /~192\.0\.2\.1~8443~/, 'the address of the invitation, not of the relay');
  const code = text(invite.lines[0] as Line, 'code');
  const joined = await runToEnd(context, ['join', code], { home: gatewayHome, whole: true });
  assert.deepEqual([joined.code, joined.lines[0]?.['event'], joined.lines[0]?.['relay']], [0, 'joined', address]);
  assert.equal((joined.lines[0]?.['grants'] as readonly string[]).includes('blog.example.test'), true);

  const again = await runToEnd(context, ['join', code], { home: otherHome });
  assert.deepEqual([again.code, again.lines[0]?.['code']], [77, 'invite-refused']);
  assert.equal(JSON.stringify(again.lines).includes(code), false, 'the code is a secret');

  const share = runInside(context, ['http', String(await echo(context)), '--name', 'blog', '--public'], { home: gatewayHome });
  const ready = await share.line('ready');
  assert.equal(ready['url'], `https://blog.example.test:${address.split(':')[1]}`);
  assert.equal((await ask(`${text(ready, 'url')}/x`, { ca: text(ready, 'ca') })).status, 200);

  const gateways = await runToEnd(context, ['relay', 'gateways', 'list'], { home: relayHome });
  assert.deepEqual(gateways.lines[0]?.['names'], ['blog']);
  await runToEnd(context, ['relay', 'gateways', 'revoke', text(gateways.lines[0] as Line, 'fingerprint')], { home: relayHome });
  await share.line('lost');
  assert.equal(await share.stop(), 0);
  assert.equal(await relay.stop(), 0);
});
