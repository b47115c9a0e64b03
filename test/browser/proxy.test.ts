/**
 * Programs that people use, through a proxy, each with right and wrong credentials: at an address of its own, and through a relay,
 * by its name where they know HTTPS proxies, else by `sallyport connect`. What is not here stands in test/e2e/proxy.test.ts.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { useCheapHashes } from '../e2e/cheap-hashes.ts';
import { curl, withoutCurl, type Curled } from '../e2e/curl.ts';
import { goodPassword } from '../e2e/written-gateway.ts';
import { browserPath, withoutBrowser } from './browser.ts';
import { beginScene, program, shop, without, type Said, type Scene } from './proxy-scene.ts';

useCheapHashes();

const ends: (() => unknown)[] = [];
let scene: Scene;
const encoded = encodeURIComponent(goodPassword);
/** Where the proxy is, with a name and a password: the right one, or the one that is said. */
const at = (origin: string, password = encoded): string => origin.replace('://', `://ana:${password}@`);
const direct = (): string => `http://127.0.0.1:${scene.ports.plain}`;
const byName = (): string => `https://out.localhost:${scene.relayed.port}`;
const door = (which: 'right' | 'wrong'): string => `http://127.0.0.1:${scene.ports[which]}`;
const records = (): readonly AuditEvent[] => scene.relayed.records();

before(async () => {
  scene = await beginScene({ after: (done) => void ends.unshift(done) });
});
after(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Who sits there types a name and a password, once; whoever is asked again goes. */
async function typing(browser: Browser, password: string): Promise<Readonly<{ page: Page; asked: string[]; protocols: string[] }>> {
  const [asked, protocols]: [string[], string[]] = [[], []];
  const place = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await place.newPage();
  const devtools = await place.newCDPSession(page);
  await devtools.send('Network.enable');
  devtools.on('Network.responseReceived', ({ response }) => void protocols.push(response.protocol ?? ''));
  await devtools.send('Fetch.enable', { handleAuthRequests: true });
  devtools.on('Fetch.requestPaused', ({ requestId }) => void devtools.send('Fetch.continueRequest', { requestId }).catch(() => undefined));
  devtools.on('Fetch.authRequired', ({ requestId, authChallenge }) => {
    asked.push(authChallenge.source ?? '');
    const typed = { response: 'ProvideCredentials', username: 'ana', password } as const;
    const answer = asked.length === 1 ? typed : ({ response: 'CancelAuth' } as const);
    void devtools.send('Fetch.continueWithAuth', { requestId, authChallengeResponse: answer }).catch(() => undefined);
  });
  return { page, asked, protocols };
}

for (const way of ['direct', 'through the relay'] as const)
  it(
    `Chromium by the PAC file, ${way}: over TLS to the proxy in HTTP/2, one login for all tunnels, and inner places past it`,
    { skip: withoutBrowser },
    async () => {
      const { web, tls, secure } = scene.ports;
      const proxy = way === 'direct' ? `https://127.0.0.1:${secure}` : byName();
      const browser = await chromium.launch({
        executablePath: browserPath,
        args: [
          ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--ignore-certificate-errors'],
          `--proxy-pac-url=${proxy}/.sallyport/proxy.pac`,
        ],
      });
      ends.unshift(() => browser.close());
      const count = records().length;
      const wrong = await typing(browser, 'wrong');
      const refused = await wrong.page.goto(`http://${shop}:${web}/refused`).catch(() => null);
      assert.ok(refused === null || refused.status() === 407);
      assert.deepEqual(wrong.asked, ['Proxy', 'Proxy']);
      await wrong.page.context().close();
      const { page, asked, protocols } = await typing(browser, goodPassword);
      for (const url of [`http://${shop}:${web}/by-pac`, `https://${shop}:${tls}/secret`]) {
        await page.goto(url);
        assert.match(await page.content(), /you asked for \/(?:by-pac|secret)/);
      }
      // What is led in plain HTTP shows what is spoken to the proxy.
      assert.equal(protocols[0], 'h2');
      await page.goto(`http://127.0.0.1:${web}/past-it`);
      assert.match(await page.content(), /past-it/);
      // A tunnel has its line when it has ended.
      await browser.close();
      const since = (): readonly AuditEvent[] => records().slice(count);
      const passed = (): readonly AuditEvent[] =>
        since().filter(({ verdict, host }) => verdict === 'pass' && host?.startsWith(shop) === true);
      while (!passed().some(({ method }) => method === 'CONNECT')) await new Promise((turn) => setTimeout(turn, 5));
      assert.ok(passed().some(({ method, path }) => method === 'GET' && path !== '/refused'));
      assert.ok(!since().some(({ path }) => path === '/past-it'));
      assert.deepEqual(new Set(passed().map(({ who }) => who)), new Set(['user:ana']));
      assert.ok(since().some(({ code }) => code === 'credentials-wrong'));
      assert.deepEqual(asked, ['Proxy']);
    },
  );

it('the PAC file names the proxy as it was asked for; who says who they are gets the hosts of their list', async () => {
  const { secure } = scene.ports;
  const session = connect(`https://127.0.0.1:${secure}`, { ca: await readFile(scene.relayed.ca) });
  ends.unshift(() => session.destroy());
  const asked = async (fields: Readonly<Record<string, string>>): Promise<string> => {
    const stream = session.request({ ':path': '/.sallyport/proxy.pac', ...fields });
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
    return text;
  };
  const open = await asked({});
  assert.match(open, new RegExp(`"HTTPS 127\\.0\\.0\\.1:${secure}"`));
  assert.match(open, /\["\*"\]/);
  const own = await asked({ authorization: `Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}` });
  assert.match(own, /\["\*\.example\.org"\]/);
  assert.doesNotMatch(await asked({ authorization: 'Basic eDp5' }), /FindProxyForURL/);
});

it('node:http2 by CONNECT through the relay, with the right password and with a wrong one', async () => {
  const far = { ca: await readFile(scene.relayed.ca), host: '127.0.0.1', servername: 'out.localhost' };
  const session = connect(byName(), far).on('error', () => undefined);
  ends.unshift(() => session.destroy());
  const told = async (password: string): Promise<readonly [unknown, string]> => {
    const basic = `Basic ${Buffer.from(`ana:${password}`).toString('base64')}`;
    const to = `${shop}:${scene.ports.web}`;
    const fields = { ':method': 'CONNECT', ':authority': to, 'proxy-authorization': basic };
    const stream = session.request(fields, { endStream: false }).on('error', () => undefined);
    stream.end(`GET /by-h2 HTTP/1.1\r\nHost: ${to}\r\nConnection: close\r\n\r\n`);
    const [head] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>];
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
    return [head[':status'], text];
  };
  const [right, wrong] = await Promise.all([told(goodPassword), told('wrong')]);
  assert.equal(right[0], 200);
  assert.match(right[1], /you asked for \/by-h2/);
  assert.equal(wrong[0], 407);
});

it('curl through the relay: https by name, and http, socks5 and socks5h by connect', { skip: withoutCurl }, async () => {
  const to = ['--cacert', scene.destinationCa, `https://${shop}:${scene.ports.tls}/curl`];
  const here = ['--cacert', scene.destinationCa, `https://127.0.0.1:${scene.ports.tls}/curl`];
  const by = (proxy: string, words = to): Promise<Curled> =>
    curl(['--noproxy', '', '--proxy', proxy, '--proxy-cacert', scene.relayed.ca, ...words]);
  const doors = (which: 'right' | 'wrong'): readonly Promise<Curled>[] => [
    by(door(which)),
    // Looked up by curl itself, which knows the name as little as anybody: by its address.
    by(door(which).replace('http:', 'socks5:'), here),
    by(door(which).replace('http:', 'socks5h:')),
  ];
  const right = await Promise.all([by(at(byName())), ...doors('right'), by(at(direct()).replace('http:', 'socks5:'), here)]);
  for (const { body, said } of right) assert.match(body, /you asked for \/curl/, said);
  const wrong = await Promise.all([
    by(at(byName(), 'wrong')),
    ...doors('wrong'),
    by(at(direct(), 'wrong').replace('http:', 'socks5:'), here),
  ]);
  assert.deepEqual(
    wrong.map(({ exit }) => exit),
    [56, 56, 97, 97, 97],
    wrong.map(({ said }) => said).join('\n'),
  );
  assert.match(wrong[0]?.said ?? '', /407/);
});

describe('programs by their environment, direct and through the relay', () => {
  it(
    'git clones from its own server, by the name of the proxy at the relay, and not with a wrong password',
    { skip: without('git') },
    async () => {
      const { folder } = scene;
      const author = ['-c', 'user.name=ana', '-c', 'user.email=ana@example.org'];
      for (const words of [
        ['init', '-q', 'work'],
        [...author, '-C', 'work', 'commit', '-q', '--allow-empty', '-m', 'first'],
        ['clone', '-q', '--bare', 'work', 'repo.git'],
      ]) {
        const { code, said } = await program(folder, ['git', ...words]);
        assert.equal(code, 0, said);
      }
      const cloned = (password: string, to: string): Promise<Said> => {
        const settings = [
          `http.proxy=${at(byName(), password)}`,
          `http.proxySSLCAInfo=${scene.relayed.ca}`,
          `http.sslCAInfo=${scene.destinationCa}`,
        ];
        const words = settings.flatMap((each) => ['-c', each]);
        return program(folder, ['git', ...words, 'clone', '-q', `https://${shop}:${scene.ports.tls}/repo.git`, to]);
      };
      const [right, wrong] = await Promise.all([cloned(encoded, 'right'), cloned('wrong', 'wrong')]);
      assert.equal(right.code, 0, right.said);
      assert.match((await program(folder, ['git', '-C', 'right', 'log', '--oneline'])).said, /first/);
      assert.notEqual(wrong.code, 0);
      assert.match(wrong.said, /407/);
    },
  );

  it('npm gets a package, and not with a wrong password', { skip: without('npm') }, async () => {
    await mkdir(join(scene.folder, 'package'));
    await writeFile(join(scene.folder, 'package', 'package.json'), '{ "name": "tiny", "version": "1.2.3" }');
    assert.equal((await program(scene.folder, ['tar', 'czf', 'tiny-1.2.3.tgz', 'package'])).code, 0);
    const registry = `http://${shop}:${scene.ports.web}/registry/`;
    const got = (proxy: string): Promise<Said> =>
      program(
        scene.folder,
        ['npm', 'pack', 'tiny', '--silent', '--registry', registry, '--fetch-retries=0', '--no-update-notifier', '--pack-destination', '.'],
        {
          HTTP_PROXY: proxy,
          npm_config_proxy: proxy,
          npm_config_noproxy: '',
          npm_config_loglevel: 'error',
        },
      );
    const [right, wrong, relayed, refused] = await Promise.all([
      got(at(direct())),
      got(at(direct(), 'wrong')),
      got(door('right')),
      got(door('wrong')),
    ]);
    for (const { code, said } of [right, relayed]) assert.equal(code, 0, said);
    for (const { code, said } of [wrong, refused]) assert.notEqual(code, 0, said);
  });

  it('pip gets a wheel, and not with a wrong password', { skip: without('pip') }, async () => {
    const wheel = [
      'import zipfile',
      'with zipfile.ZipFile("tiny-1.2.3-py3-none-any.whl", "w") as z:',
      ' z.writestr("tiny-1.2.3.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.2.3\\n")',
      ' z.writestr("tiny-1.2.3.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
      ' z.writestr("tiny-1.2.3.dist-info/RECORD", "")',
    ];
    const made = await program(scene.folder, ['python3', '-c', wheel.join('\n')]);
    assert.equal(made.code, 0, made.said);
    const index = ['--index-url', `http://${shop}:${scene.ports.web}/simple/`, '--trusted-host', shop];
    const got = (proxy: string, to: string): Promise<Said> =>
      program(scene.folder, [
        'pip',
        '--disable-pip-version-check',
        '--no-cache-dir',
        '--retries',
        '0',
        '--proxy',
        proxy,
        'download',
        'tiny',
        '--no-deps',
        '-d',
        to,
        ...index,
      ]);
    const [right, wrong, relayed, refused] = await Promise.all([
      got(at(direct()), 'a'),
      got(at(direct(), 'wrong'), 'b'),
      got(door('right'), 'c'),
      got(door('wrong'), 'd'),
    ]);
    for (const { code, said } of [right, relayed]) assert.equal(code, 0, said);
    for (const { code, said } of [wrong, refused]) assert.notEqual(code, 0, said);
  });

  it('undici, as Node has it', async () => {
    const words = `const answer = await fetch(process.argv[1]).then((each) => each.text(), (error) => String(error.cause?.message ?? error)); console.log(answer);`;
    const fetched = (proxy: string): Promise<Said> =>
      program(
        scene.folder,
        [process.execPath, '--use-env-proxy', '--input-type=module', '-e', words, `http://${shop}:${scene.ports.web}/by-undici`],
        {
          HTTP_PROXY: proxy,
        },
      );
    const [right, wrong, relayed, refused] = await Promise.all([
      fetched(at(direct())),
      fetched(at(direct(), 'wrong')),
      fetched(door('right')),
      fetched(door('wrong')),
    ]);
    for (const { said } of [right, relayed]) assert.match(said, /you asked for \/by-undici/);
    for (const { said } of [wrong, refused]) assert.doesNotMatch(said, /you asked for/);
  });
});
