/** Programs that people use, through a proxy: Chromium by a PAC file, npm, pip and undici, with right and wrong credentials, direct and through `connect`. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { defaults } from '../../src/core/limits.ts';
import { createDeadlines, startDeadlines, steadyNow } from '../../src/dataplane/deadlines.ts';
import { openLocalProxy } from '../../src/dataplane/local-proxy.ts';
import { createSplice } from '../../src/dataplane/splice.ts';
import { addressServer } from '../doubles/address-server.ts';
import { certificate } from '../doubles/pki.ts';
import { createServer as createTlsServer } from 'node:https';
import { freePort } from '../e2e/free-port.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from '../e2e/written-gateway.ts';
import { withoutBrowser } from './browser.ts';

const ends: (() => unknown)[] = [];
const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
let gateway: WrittenGateway;
let folder = '';
const ports = { plain: 0, secure: 0, web: 0, tls: 0, local: 0 };

/** A registry of packages as small as one can be, an index as pip reads it, and pages. */
function answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const type = url.startsWith('/registry') ? 'application/json' : 'text/html; charset=utf-8';
  response.writeHead(200, { 'content-type': type });
  if (url === '/registry/tiny')
    response.end(
      JSON.stringify({ name: 'tiny', 'dist-tags': { latest: '1.2.3' }, versions: { '1.2.3': { name: 'tiny', version: '1.2.3' } } }),
    );
  else if (url.startsWith('/simple/tiny'))
    response.end('<!doctype html><a href="/files/tiny-1.2.3-py3-none-any.whl">tiny-1.2.3-py3-none-any.whl</a>');
  else response.end(`<!doctype html><title>page</title><p>you asked for ${url}`);
}

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return (server.address() as AddressInfo).port;
}

before(async () => {
  folder = await ownFolder(context);
  const leaf = await certificate({
    subject: 'destination',
    names: ['shop.example.org', '127.0.0.1'],
    issuer: await certificate({ subject: 'root', isCa: true }),
  });
  ports.web = await listening(createServer(answer));
  ports.tls = await listening(createTlsServer(leaf, answer));
  const names = await addressServer(context as Parameters<typeof addressServer>[0]);
  names.says.set('shop.example.org', [['127.0.0.1']]);
  [ports.plain, ports.secure] = [await freePort(), await freePort()];
  const proxy = (listen: string): string =>
    `{ proxy: { socks5: true, listen: "${listen}" }, access: [{ password: {} }], destinations: { resolver: ["${names.address}"], allow: ["*.example.org:*", "127.0.0.1:${ports.web},${ports.tls}", "127.0.0.0/8:*"] } }`;
  gateway = await startWritten(context, {
    folder,
    users: ['ana'],
    text: `services:\n  plain: ${proxy(`http://127.0.0.1:${ports.plain}`)}\n  secure: ${proxy(`https://127.0.0.1:${ports.secure}`)}\n`,
  });
  await gateway.event((event): event is Extract<typeof event, { event: 'ready' }> => isReady(event) && event.service === 'secure');
  const deadlines = createDeadlines(steadyNow);
  const ticking = startDeadlines(deadlines);
  const far = {
    host: '127.0.0.1',
    port: ports.secure,
    dial: null,
    ca: await readFile(gateway.ca, 'latin1'),
    shown: { user: 'ana', password: goodPassword },
    limits: defaults,
    timeoutMs: 5_000,
  };
  const door = await openLocalProxy({
    host: '127.0.0.1',
    port: 0,
    limits: defaults,
    deadlines,
    splice: createSplice({ deadlines }),
    far,
    own: null,
    onFailure: () => undefined,
  });
  ports.local = door.port;
  ends.unshift(
    () => door.close(),
    () => ticking.close(),
  );
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

const records = (): readonly AuditEvent[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));
const encoded = encodeURIComponent(goodPassword);
const good = (): string => `http://ana:${encoded}@127.0.0.1:${ports.plain}`;

type Said = Readonly<{ code: number | null; said: string }>;

function program(name: string, words: readonly string[], env: Readonly<Record<string, string>>): Promise<Said> {
  return new Promise((resolve) => {
    const child = spawn(name, words, {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', (error) => resolve({ code: null, said: error.message }));
    child.once('close', (code) => resolve({ code, said }));
  });
}

const without = (name: string): string | false =>
  spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0 ? false : `not run: no ${name}`;

it(
  'Chromium by the PAC file: over TLS to the proxy in HTTP/2, one login for all tunnels, and inner places past it',
  { skip: withoutBrowser },
  async () => {
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--ignore-certificate-errors',
        `--proxy-pac-url=https://127.0.0.1:${ports.secure}/.sallyport/proxy.pac`,
      ],
    });
    ends.unshift(() => browser.close());
    const count = records().length;
    const asked: string[] = [];
    const place = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await place.newPage();
    // Who sits there types a name and a password.
    const devtools = await place.newCDPSession(page);
    await devtools.send('Fetch.enable', { handleAuthRequests: true });
    devtools.on(
      'Fetch.requestPaused',
      ({ requestId }) => void devtools.send('Fetch.continueRequest', { requestId }).catch(() => undefined),
    );
    devtools.on('Fetch.authRequired', ({ requestId, authChallenge }) => {
      const typed = { response: 'ProvideCredentials', username: 'ana', password: goodPassword } as const;
      asked.push(authChallenge.source ?? '');
      void devtools.send('Fetch.continueWithAuth', { requestId, authChallengeResponse: typed }).catch(() => undefined);
    });
    for (const url of [`http://shop.example.org:${ports.web}/by-pac`, `https://shop.example.org:${ports.tls}/secret`]) {
      await page.goto(url);
      assert.match(await page.content(), /you asked for \/(?:by-pac|secret)/);
    }
    await page.goto(`http://127.0.0.1:${ports.web}/past-it`);
    assert.ok(
      !records()
        .slice(count)
        .some(({ path }) => path === '/past-it'),
    );
    // A tunnel has its line when it has ended.
    await browser.close();
    const passed = (): readonly AuditEvent[] =>
      records()
        .slice(count)
        .filter(({ verdict, host }) => verdict === 'pass' && host?.startsWith('shop.') === true);
    while (!passed().some(({ method }) => method === 'CONNECT')) await new Promise((turn) => setTimeout(turn, 5));
    assert.ok(passed().some(({ method }) => method === 'GET'));
    assert.deepEqual(new Set(passed().map(({ who }) => who)), new Set(['user:ana']));
    assert.deepEqual(asked, ['Proxy']);
  },
);

it('the PAC file names the proxy as it was asked for; who says who they are gets the hosts of their list', async () => {
  const session = connect(`https://127.0.0.1:${ports.secure}`, { ca: await readFile(gateway.ca) });
  ends.unshift(() => session.destroy());
  const asked = async (fields: Readonly<Record<string, string>>): Promise<string> => {
    const stream = session.request({ ':path': '/.sallyport/proxy.pac', ...fields });
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
    return text;
  };
  const open = await asked({});
  assert.match(open, new RegExp(`"HTTPS 127\\.0\\.0\\.1:${ports.secure}"`));
  assert.match(open, /\["\*"\]/);
  const own = await asked({ authorization: `Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}` });
  assert.match(own, /\["\*\.example\.org"\]/);
  assert.doesNotMatch(await asked({ authorization: 'Basic eDp5' }), /FindProxyForURL/);
});

describe('programs by their environment', () => {
  it('npm reads a registry, and not with a wrong password', { skip: without('npm') }, async () => {
    const view = (proxy: string): Promise<Said> =>
      program(
        'npm',
        [
          'view',
          'tiny',
          'version',
          '--registry',
          `http://shop.example.org:${ports.web}/registry/`,
          '--fetch-retries=0',
          '--no-update-notifier',
        ],
        { HTTP_PROXY: proxy, npm_config_proxy: proxy, npm_config_noproxy: '' },
      );
    const [right, wrong, local] = await Promise.all([
      view(good()),
      view(good().replace(encoded, 'wrong')),
      view(`http://127.0.0.1:${ports.local}`),
    ]);
    assert.match(right.said, /^1\.2\.3\b/m, right.said);
    assert.match(local.said, /^1\.2\.3\b/m, local.said);
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.said, /407/);
  });

  it('pip reads an index, and not with a wrong password', { skip: without('pip') }, async () => {
    const versions = (proxy: string): Promise<Said> =>
      program(
        'pip',
        [
          '--disable-pip-version-check',
          '--no-cache-dir',
          '--retries',
          '0',
          'index',
          'versions',
          'tiny',
          '--proxy',
          proxy,
          '--index-url',
          `http://shop.example.org:${ports.web}/simple/`,
          '--trusted-host',
          'shop.example.org',
        ],
        {},
      );
    const [right, wrong] = await Promise.all([versions(good()), versions(good().replace(encoded, 'wrong'))]);
    assert.match(right.said, /tiny \(1\.2\.3\)/, right.said);
    assert.doesNotMatch(wrong.said, /tiny \(1\.2\.3\)/);
  });

  it('undici, as Node has it', async () => {
    const script = `const answer = await fetch(process.argv[1]).then((each) => each.text(), (error) => String(error.cause?.message ?? error)); console.log(answer);`;
    const fetched = (proxy: string): Promise<Said> =>
      program(
        process.execPath,
        ['--use-env-proxy', '--input-type=module', '-e', script, `http://shop.example.org:${ports.web}/by-undici`],
        { HTTP_PROXY: proxy },
      );
    const [right, wrong, local] = await Promise.all([
      fetched(good()),
      fetched(good().replace(encoded, 'wrong')),
      fetched(`http://127.0.0.1:${ports.local}`),
    ]);
    assert.match(right.said, /you asked for \/by-undici/, right.said);
    assert.match(local.said, /you asked for \/by-undici/, local.said);
    assert.doesNotMatch(wrong.said, /you asked for/);
  });
});
