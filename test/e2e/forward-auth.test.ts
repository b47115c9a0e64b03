/** `forward-auth` before a real verifier: a small server that answers as oauth2-proxy and Authelia do, and then as they never should. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { createVerifiers, verifierUrl } from '../../src/controlplane/outgoing/verifier.ts';
import { isRemovedFromRequest } from '../../src/core/http/removed-fields.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { certificate } from '../doubles/pki.ts';
import { ask, type Asked } from './ask.ts';
import { freePort } from './free-port.ts';
import { ownFolder, startWritten } from './written-gateway.ts';

type Verifier = Readonly<{ port: number; asked: IncomingMessage[]; answers: { now: RequestListener } }>;

async function started(context: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** As oauth2-proxy with `--set-xauthrequest --upstream=static://202 --reverse-proxy`: one cookie is somebody, others are sent to the login. */
const oauth2Proxy: RequestListener = (request, response) => {
  if (request.headers.cookie?.includes('_oauth2_proxy=ana') === true || request.headers.authorization === 'Bearer good') {
    const who = { 'X-Auth-Request-User': 'ana', 'X-Auth-Request-Email': 'ana@example.org', 'X-Auth-Request-Groups': 'staff,editors' };
    response.writeHead(202, who).end('Authenticated');
  } else if (request.headers.accept === 'text/html') {
    const back = `https://${String(request.headers['x-forwarded-host'])}${String(request.headers['x-forwarded-uri'])}`;
    const to = `https://auth.test/oauth2/start?rd=${encodeURIComponent(back)}`;
    response
      .writeHead(302, { Location: to, 'Set-Cookie': ['_oauth2_proxy_csrf=1; Path=/; Secure', '__Host-sallyport-session=planted; Path=/'] })
      .end('Found');
  } else response.writeHead(401, { 'WWW-Authenticate': 'Bearer realm="auth"' }).end('Unauthorized');
};

async function verifierOf(context: TestContext): Promise<Verifier> {
  const asked: IncomingMessage[] = [];
  const answers = { now: oauth2Proxy };
  const port = await started(
    context,
    createServer((request, response) => (asked.push(request), answers.now(request, response))),
  );
  return { port, asked, answers };
}

const browser = { Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'none' };

test('who is let in by the verifier comes in with a name; who is not is led to its login; what it cannot say lets nobody in', async (context) => {
  const verifier = await verifierOf(context);
  const heard: IncomingMessage[] = [];
  const service = await started(
    context,
    createServer((request, response) => (heard.push(request), request.resume(), response.end('inside'))),
  );
  const [port, folder] = [await freePort(), await ownFolder(context)];
  const text = JSON.stringify({
    listen: `https://127.0.0.1:${port}`,
    services: {
      web: {
        at: 'web.test',
        to: service,
        identity: ['headers'],
        access: [
          {
            'forward-auth': {
              url: `http://127.0.0.1:${verifier.port}/`,
              redirects: ['auth.test'],
              identity: 'x-auth-request',
              cookies: true,
            },
          },
        ],
      },
    },
  });
  const { ca } = await startWritten(context, { folder, text });
  const url = `https://web.test:${port}`;
  const visit = (
    headers: Readonly<Record<string, string>> = {},
    more: Readonly<{ method?: string; path?: string; body?: string }> = {},
  ): Promise<Asked> =>
    ask(`${url}${more.path ?? '/page?x=1'}`, {
      ca,
      headers,
      ...(more.method === undefined ? {} : { method: more.method }),
      ...(more.body === undefined ? {} : { body: more.body }),
    });

  // A browser is led to the login, and comes back to the page; a program is told 401. Nobody plants a cookie of ours.
  const led = await visit(browser);
  assert.equal(led.status, 302);
  assert.equal(led.headers['location'], `https://auth.test/oauth2/start?rd=${encodeURIComponent(`${url}/page?x=1`)}`);
  assert.deepEqual(led.headers['set-cookie'], ['_oauth2_proxy_csrf=1; Path=/; Secure']);
  const told = await visit();
  assert.deepEqual([told.status, told.headers['www-authenticate']], [401, 'Bearer realm="auth"']);
  assert.equal(heard.length, 0);

  // With the cookie: the request goes on, and the question was about it, with credentials alone and no body.
  const claims = {
    'Remote-User': 'root',
    'X-Auth-Request-User': 'root',
    'X-Forwarded-Uri': '/public',
    'X-Sallyport-Email': 'root@example.org',
    'X-Secret': 'mine',
  };
  const posted = await visit({ Cookie: '_oauth2_proxy=ana', Origin: url, ...claims }, { method: 'POST', path: '/write', body: 'the body' });
  assert.deepEqual([posted.status, posted.body], [200, 'inside']);
  const question = verifier.asked.at(-1);
  assert.equal(question?.method, 'GET');
  const { host: _host, connection: _connection, ...fields } = question?.headers ?? {};
  assert.deepEqual(fields, {
    'user-agent': 'sallyport',
    accept: '*/*',
    'x-forwarded-method': 'POST',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': `web.test:${port}`,
    'x-forwarded-uri': '/write',
    'x-forwarded-for': '127.0.0.1',
    cookie: '_oauth2_proxy=ana',
  });
  const got = heard.at(-1)?.headers ?? {};
  assert.deepEqual(
    [got['x-sallyport-user'], got['x-sallyport-roles'], got['x-sallyport-email'], got['remote-user'], got['x-auth-request-user']],
    [`forward:127.0.0.1:${verifier.port}:ana`, 'editors,staff', 'ana@example.org', undefined, undefined],
    'identity spoofing: what the visitor says of itself is removed',
  );
  for (const name of [
    'remote-user',
    'remote_user',
    'remote-groups',
    'remote-email',
    'remote-name',
    'x-auth-request-user',
    'x-auth-request-email',
    'x-auth-request-access-token',
  ])
    assert.ok(isRemovedFromRequest(name), name);
  // Authorization that opened is used up; with a cookie beside it, it is the service's.
  assert.equal((await visit({ Authorization: 'Bearer good' })).status, 200);
  assert.equal(heard.at(-1)?.headers.authorization, undefined);
  // CSRF: its cookie comes with every request, from whichever page.
  assert.equal((await visit({ Cookie: '_oauth2_proxy=ana', Origin: 'https://evil.example' }, { method: 'POST' })).status, 403);
  assert.equal(
    verifier.asked.every(({ headers }) => headers['content-length'] === undefined),
    true,
  );

  // verifier that fails open: nothing of this lets anybody in.
  const before = heard.length;
  const wrong: Readonly<Record<string, readonly [RequestListener, number]>> = {
    'a success without a name': [(_q, a) => a.writeHead(200).end(), 502],
    'a name twice': [
      (_q, a) =>
        a
          .writeHead(
            200,
            [
              ['X-Auth-Request-User', 'ana'],
              ['X-Auth-Request-User', 'root'],
            ].flat(),
          )
          .end(),
      502,
    ],
    'a name that is no name': [(_q, a) => a.writeHead(200, { 'X-Auth-Request-User': 'an a' }).end(), 502],
    'its own fault': [(_q, a) => a.writeHead(500).end(), 502],
    'not found': [(_q, a) => a.writeHead(404).end(), 502],
    no: [(_q, a) => a.writeHead(403).end(), 403],
    'open redirect: another host': [(_q, a) => a.writeHead(302, { Location: 'https://evil.example/' }).end(), 502],
    'open redirect: in the clear': [(_q, a) => a.writeHead(302, { Location: 'http://auth.test/' }).end(), 502],
    'open redirect: a user that looks like a host': [
      (_q, a) => a.writeHead(302, { Location: 'https://auth.test@evil.example/' }).end(),
      502,
    ],
    'open redirect: without a scheme': [(_q, a) => a.writeHead(302, { Location: '//evil.example/' }).end(), 502],
    'a script': [(_q, a) => a.writeHead(302, { Location: 'javascript:alert(1)' }).end(), 502],
    'no Location': [(_q, a) => a.writeHead(302).end(), 502],
    'too long': [(_q, a) => void a.writeHead(200, { 'X-Auth-Request-User': 'ana' }).end('x'.repeat(100_000)), 503],
    'half of it': [(_q, a) => (a.writeHead(200, { 'X-Auth-Request-User': 'ana', 'Content-Length': 10 }), a.write('x'), a.destroy()), 503],
    'a reset': [(q) => void q.socket.resetAndDestroy(), 503],
  };
  for (const [what, [answer, status]] of Object.entries(wrong)) {
    verifier.answers.now = answer;
    assert.equal((await visit({ Cookie: '_oauth2_proxy=ana' })).status, status, what);
  }
  assert.equal(heard.length, before);
  verifier.answers.now = oauth2Proxy;
  assert.equal((await visit({ Cookie: '_oauth2_proxy=ana' })).status, 200, 'and then it is there again');
});

test('in the clear on a network, an untrusted certificate and too many questions at once are no answers', async (context) => {
  for (const bad of [
    'http://auth.example.org/',
    'http://192.0.2.1/',
    'https://user:word@auth.example.org/',
    'ftp://127.0.0.1/',
    '',
    'x'.repeat(3_000),
  ])
    assert.equal(verifierUrl(bad), null, bad);
  for (const good of ['https://auth.example.org/', 'http://127.0.0.1:9091/', 'http://[::1]:9091/', 'http://localhost:9091/'])
    assert.notEqual(verifierUrl(good), null, good);
  const root = await certificate({ subject: 'Test CA', isCa: true });
  const own = await certificate({ subject: 'localhost', names: ['localhost'], issuer: root });
  const waiting: (() => void)[] = [];
  const first = Promise.withResolvers<void>();
  const server = createSecure(
    own,
    (_request, response) => (waiting.push(() => response.writeHead(202, { 'Remote-User': 'ana' }).end()), first.resolve()),
  );
  const url = `https://localhost:${await started(context, server)}/`;
  const verifiers = createVerifiers(limitsWith({ verifierAtOnceMax: 1 }));
  context.after(() => verifiers.close());
  const unreachable = { code: 'verifier-unreachable' };
  await assert.rejects(verifiers.verify({ url, fields: {}, ca: null }), unreachable);
  await assert.rejects(verifiers.verify({ url: url.replace('localhost', '127.0.0.1'), fields: {}, ca: root.cert }), unreachable);
  const running = verifiers.verify({ url, fields: {}, ca: root.cert });
  await first.promise;
  await assert.rejects(verifiers.verify({ url, fields: {}, ca: root.cert }), /too much is asked/);
  for (const answer of waiting) answer();
  const { status, fields } = await running;
  assert.deepEqual([status, fields.some(([name, value]) => name === 'remote-user' && value === 'ana')], [202, true]);
});

test('a verifier that says nothing is not waited for', async (context) => {
  const url = `http://127.0.0.1:${await started(
    context,
    createServer(() => undefined),
  )}/`;
  const verifiers = createVerifiers(limitsWith({ verifierMs: 50 }));
  context.after(() => verifiers.close());
  await assert.rejects(verifiers.verify({ url, fields: {}, ca: null }), { code: 'verifier-unreachable', message: /it takes too long/ });
});

test('an idle connection that the verifier closes just as it is taken costs nobody their visit', async (context) => {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    // The second question comes on the connection of the first: it is reset, as if it had been closed before.
    if (asked === 2) return void request.socket.resetAndDestroy();
    return void response.writeHead(202, { 'Remote-User': 'ana' }).end();
  });
  const url = `http://127.0.0.1:${await started(context, server)}/`;
  const verifiers = createVerifiers(limitsWith({}));
  context.after(() => verifiers.close());
  const verify = async (): Promise<number> => (await verifiers.verify({ url, fields: {}, ca: null })).status;
  assert.equal(await verify(), 202);
  assert.deepEqual([await verify(), asked], [202, 3]);
});

test('what cannot work is refused before anything listens', async (context) => {
  const [port, folder] = [await freePort(), await ownFolder(context)];
  const start = (options: object) =>
    startWritten(context, {
      folder,
      text: JSON.stringify({
        listen: `https://127.0.0.1:${port}`,
        services: { web: { at: 'web.test', to: 3000, access: [{ 'forward-auth': options }] } },
      }),
    });
  const good = { url: 'https://auth.test/', redirects: ['auth.test'] };
  await assert.rejects(start({ ...good, url: 'http://auth.test/' }), /only on this machine/);
  await assert.rejects(start({ ...good, redirects: [] }), /a host like/);
  await assert.rejects(start({ ...good, redirects: ['*'] }), /a host like/);
  await writeFile(join(folder, 'empty.pem'), '');
  await assert.rejects(start({ ...good, ca: join(folder, 'empty.pem') }));
});
