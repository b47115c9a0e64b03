/** To a stranger everything looks the same: paths, services that are there, closed, over or down, and names that nobody has. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { visitorContext } from '../doubles/visitor-context.ts';
import { useCheapHashes } from './cheap-hashes.ts';
import { freePort } from './free-port.ts';
import { text } from './lines.ts';
import { freshHome, runInside, runToEnd } from './program.ts';
import { startService } from './service.ts';

// What a guess costs, and that it costs the same for a name that nobody has, is held where passwords are checked.
useCheapHashes();

type Door = Readonly<{ scheme: 'http' | 'https'; port: number; ca: string }>;

/** All bytes of the answer, but for the second in which it was given. Nobody is named in the handshake. */
function answerAt({ scheme, port, ca }: Door, request: string, localAddress = '127.0.0.1'): Promise<string> {
  const at = { host: '127.0.0.1', port, localAddress };
  const socket =
    scheme === 'http'
      ? connectPlain(at)
      : connectTls({
          ...at,
          secureContext: visitorContext(readFileSync(ca, 'utf8')),
          servername: '',
          checkServerIdentity: () => undefined,
        });
  socket.write(request);
  let got = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (bytes: Buffer) => (got += bytes.toString('latin1')));
    socket.on('error', reject);
    socket.on('end', () => {
      socket.destroy();
      resolve(got.replace(/^Date: .*\r\n/m, ''));
    });
  });
}

const hosts = ['open.test', 'down.test', 'closed.test', 'over.test', 'nobody.test', 'localhost', '127.0.0.1'];
const paths = [
  '/',
  '/orders/1',
  '/.env',
  '/wp-login.php',
  '/.sallyport/nothing',
  '/.sallyport/link/AAAAAAAAAAAAAAAAAAAAAA',
  '/a/../b',
  '/%2e%2e/etc/passwd',
  '/hook',
];

/** What is asked; the place stands in for `PATH` and `HOST`. */
const kinds: Readonly<Record<string, string>> = {
  program: 'GET PATH HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n',
  browser:
    'GET PATH HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n',
  head: 'HEAD PATH HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n',
  post: 'POST PATH HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=b',
  options:
    'OPTIONS PATH HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nOrigin: https://a.test\r\nAccess-Control-Request-Method: PUT\r\n\r\n',
  'a wrong password': `GET PATH HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nAuthorization: Basic ${Buffer.from('nobody:x').toString('base64')}\r\n\r\n`,
  'a made-up session': 'GET PATH HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nCookie: __Host-sallyport=AAAAAAAAAAAAAAAAAAAAAA\r\n\r\n',
  'a WebSocket':
    'GET PATH HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
};

test(
  'the uniform face is the same, byte for byte, over paths, services and names, over http and https',
  { timeout: 30_000 },
  async (context) => {
    const { port, seen } = await startService(context);
    const home = await freshHome(context);
    const added = await runToEnd(context, ['users', 'add', 'ana'], { home, env: { SALLYPORT_PASSWORD: 'four unrelated words here' } });
    assert.equal(added.code, 0);
    const [tls, plain] = [await freePort(), await freePort()];
    const config = join(home, 'sallyport.yaml');
    await writeFile(
      config,
      [
        `listen: [https://127.0.0.1:${tls}, http://127.0.0.1:${plain}]`,
        'network: shared',
        'local: guarded',
        // The throttle would answer all alike.
        'limits: { guessesPerAddressMax: 10000, guessesPerAccountMax: 10000 }',
        'services:',
        `  open: { at: open.test, to: ${port}, access: [{ password: {} }, { link: {} }] }`,
        `  down: { at: down.test, to: ${await freePort()}, access: [{ password: {} }] }`,
        `  closed: { at: closed.test, to: ${port}, access: [{ link: {} }] }`,
        `  over: { at: over.test, to: ${port}, access: [{ password: {} }], expires: 2020-01-01T00:00:00Z }`,
        '',
      ].join('\n'),
    );
    const gateway = runInside(context, ['gateway', '--config', config], { home });
    const ready = await gateway.line('ready', (line) => line['service'] === 'open');
    assert.equal((await runToEnd(context, ['close', 'closed'], { home })).code, 0);
    for (const scheme of ['https', 'http'] as const) {
      const door = { scheme, port: scheme === 'https' ? tls : plain, ca: text(ready, 'ca') };
      for (const [kind, request] of Object.entries(kinds)) {
        const faces = new Map<string, string>();
        for (const [index, host] of hosts.entries()) {
          // Each handshake costs its time: there every name once and every path once.
          for (const path of scheme === 'http' || index === 0 ? paths : [paths[index]!]) {
            const got = await answerAt(door, request.replace('PATH', path).replace('HOST', `${host}:${door.port}`));
            assert.match(got, /^HTTP\/1\.1 401 /, `${scheme} ${kind} ${host}${path}`);
            // The visitor's own words come back to them: where they wanted to go.
            const face = got
              .replaceAll(`value="${path}"`, 'value="PATH"')
              .replaceAll('value="/"', 'value="PATH"')
              .replaceAll(`open ${host}.`, 'open HOST.');
            faces.set(face.replace(/^Content-Length: \d+\r\n/m, got.includes('<form') ? '' : '$&'), `${host}${path}`);
          }
        }
        assert.deepEqual([...faces.keys()].slice(1), [], `${scheme}, ${kind}: ${[...faces.values()].join(' ')}`);
      }
    }
    assert.equal(seen.length, 0);
  },
);

const form = (path: string, body: string, ...fields: readonly string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: HOST',
    'Connection: close',
    ...(fields.some((field) => field.startsWith('Content-Type')) ? [] : ['Content-Type: application/x-www-form-urlencoded']),
    `Content-Length: ${body.length}`,
    ...fields,
    '',
    body,
  ].join('\r\n');
const words = 'user=ana&password=wrong+words+all+of+them&to=%2Forders';

/** `waits`: over which scheme it is a guess, so that the sixth and the seventh have to wait. */
const signIns: Readonly<Record<string, Readonly<{ request: string; waits: 'http' | 'https' | 'never' }>>> = {
  'a sign-in with wrong words': { request: form('/.sallyport/login', words), waits: 'https' },
  'a sign-in of a browser': { request: form('/.sallyport/login', words, 'Origin: https://HOST', 'Accept: text/html'), waits: 'https' },
  'a sign-in without words': { request: form('/.sallyport/login', 'user=ana'), waits: 'never' },
  'a sign-in from another site': { request: form('/.sallyport/login', words, 'Origin: https://elsewhere.test'), waits: 'never' },
  'a sign-in of another type': { request: form('/.sallyport/login', words, 'Content-Type: application/json'), waits: 'never' },
  'a sign-in that is too long': { request: form('/.sallyport/login', `${words}${'x'.repeat(20_000)}`), waits: 'never' },
  'the login page': {
    request: 'GET /.sallyport/login HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nSec-Fetch-Mode: navigate\r\n\r\n',
    waits: 'never',
  },
  'a sign-out': { request: form('/.sallyport/logout', ''), waits: 'never' },
  'wrong words by Basic': {
    request: `GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nAuthorization: Basic ${Buffer.from('ana:wrong').toString('base64')}\r\n\r\n`,
    waits: 'http',
  },
};

test(
  'enumeration: who signs in learns nowhere whether a service is there, open, or takes passwords',
  { timeout: 60_000 },
  async (context) => {
    const { port, seen } = await startService(context);
    const home = await freshHome(context);
    const added = await runToEnd(context, ['users', 'add', 'ana'], { home, env: { SALLYPORT_PASSWORD: 'four unrelated words here' } });
    assert.equal(added.code, 0);
    const [tls, plain] = [await freePort(), await freePort()];
    const config = join(home, 'sallyport.yaml');
    await writeFile(
      config,
      [
        `listen: [https://127.0.0.1:${tls}, http://127.0.0.1:${plain}]`,
        'network: shared',
        'local: guarded',
        'services:',
        `  open: { at: open.test, to: ${port}, access: [{ password: {} }] }`,
        `  link: { at: link.test, to: ${port}, access: [{ link: {} }] }`,
        `  closed: { at: closed.test, to: ${port}, access: [{ password: {} }] }`,
        `  public: { at: public.test, to: ${port}, access: [public] }`,
        `  over: { at: over.test, to: ${port}, access: [public], expires: 2020-01-01T00:00:00Z }`,
        '',
      ].join('\n'),
    );
    const gateway = runInside(context, ['gateway', '--config', config], { home });
    const ready = await gateway.line('ready', (line) => line['service'] === 'open');
    assert.equal((await runToEnd(context, ['close', 'closed'], { home })).code, 0);
    let visitor = 1;
    for (const scheme of ['http', 'https'] as const) {
      const door = { scheme, port: scheme === 'https' ? tls : plain, ca: text(ready, 'ca') };
      for (const [kind, { request, waits }] of Object.entries(signIns)) {
        const heard = new Map<string, readonly string[]>();
        for (const host of ['open.test', 'link.test', 'closed.test', 'public.test', 'over.test', 'nobody.test']) {
          // By Basic a public service is asked nothing: it lets everybody in.
          if (host === 'public.test' && request.startsWith('GET / ')) continue;
          visitor += 1;
          const got: string[] = [];
          for (let guess = 0; guess < (waits === scheme ? 7 : 2); guess += 1) {
            const answer = await answerAt(door, request.replaceAll('HOST', `${host}:${door.port}`), `127.0.1.${visitor}`);
            got.push(withoutNumbers(answer.replaceAll(host, 'HOST')));
          }
          heard.set(host, got);
        }
        const [first = []] = heard.values();
        for (const [host, got] of heard) assert.deepEqual(got, first, `${scheme}, ${kind}: ${host}`);
        const statuses = first.map((answer) => Number(answer.slice(9, 12)));
        assert.deepEqual(statuses, waits === scheme ? [401, 401, 401, 401, 401, 429, 429] : statuses.fill(401), kind);
      }
    }
    assert.equal(seen.length, 0);
  },
);

/** Less the length, which the name of the host makes, and how long one has to wait by now. */
function withoutNumbers(answer: string): string {
  return answer.replace(/^Content-Length: .*\r\n/m, '').replace(/(?<=Retry-After: |Try again in )\d+/g, 'N');
}
