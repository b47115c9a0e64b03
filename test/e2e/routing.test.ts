/** Rules, routes, rewriting and fixed answers from the text of a configuration to the bytes of a real service and visitor. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { configOrThrow, configParser } from '../../src/controlplane/config/parse.ts';
import type { RunningGateway } from '../../src/controlplane/config/running.ts';
import { openHome } from '../../src/controlplane/home.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { startGateway } from '../../src/gateway.ts';
import { guards } from '../../src/registry.ts';

type Seen = Readonly<{ url: string; headers: IncomingHttpHeaders }>;
type Answer = Readonly<{ status: number; headers: IncomingHttpHeaders; body: string }>;

const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

describe('routing', () => {
  const seen: Seen[] = [];
  let place: string;
  let port: number;
  let gateway: RunningGateway | null = null;
  const service = createServer((incoming, response) => {
    seen.push({ url: incoming.url ?? '', headers: incoming.headers });
    const own = (service.address() as AddressInfo).port;
    response.setHeader('Location', `http://127.0.0.1:${own}/next`);
    response.setHeader('Set-Cookie', [`a=b; Domain=127.0.0.1; Path=/`, 'c=d']);
    response.setHeader('X-Powered-By', 'a test');
    response.end(incoming.url);
  });

  before(async () => {
    place = await mkdtemp(join(tmpdir(), 'sallyport-routing-'));
    await mkdir(join(place, 'site'));
    await writeFile(join(place, 'site', 'a.txt'), 'of the folder');
    await writeFile(join(place, 'down.html'), '<h1>{status} {code}</h1><p title="{id}">{host} {other}</p>');
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const own = (service.address() as AddressInfo).port;
    const text = `
listen: http://127.0.0.1:0
network: trusted
services:
  app:
    at: app.localhost
    to: 127.0.0.1:${own}
    rewrite:
      request: { set: { X-Team: blue }, remove: [x-debug] }
      response: { set: { X-Frame-Options: DENY }, remove: [x-powered-by] }
    routes:
      - { match: { path: /api/** }, to: 127.0.0.1:${own}, rewrite: { path: { strip: /api } } }
      - { match: { path: /files/** }, dir: ./site, rewrite: { path: { strip: /files } } }
      - { match: { path: /old/** }, to: 'redirect:https://new.example.org/{path}?{query}' }
      - { match: { path: /health }, to: { respond: 200, text: 'all is well' } }
      - { match: { path: /teapot }, to: 'respond:418' }
  deep: { at: app.localhost/deep, to: 127.0.0.1:${own} }
  down: { at: down.localhost, to: 127.0.0.1:1, errors: { 502: ./down.html } }
  paused: { at: paused.localhost, to: 127.0.0.1:1, maintenance: 'Back at <noon>' }
`;
    await openHome({ SALLYPORT_HOME: join(place, 'home') });
    gateway = await startGateway({
      home: await openHome({ SALLYPORT_HOME: join(place, 'home') }),
      config: configOrThrow(configParser([...guards.values()]).parse(text, join(place, 'sallyport.yaml')), 'sallyport.yaml'),
      limits: limitsWith({}),
      embeddedRelay: null,
      memberships: [],
      keepSwitches: false,
      verbs: {},
      onEvent: (event) => {
        if (event.event === 'ready') ready.resolve(event.url);
      },
    });
    port = Number(new URL(await ready.promise).port);
  });
  const ready = Promise.withResolvers<string>();

  after(async () => {
    await gateway?.stop();
    service.close();
    service.closeAllConnections();
    await rm(place, { recursive: true, force: true });
  });

  function ask(host: string, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Answer> {
    const answer = Promise.withResolvers<Answer>();
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false, headers: { Host: host, ...headers } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      response.on('end', () => answer.resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on('error', answer.reject);
    asked.end();
    return answer.promise;
  }

  test('fields are set and removed both ways, and nothing else is touched', async () => {
    seen.length = 0;
    const answer = await ask('app.localhost', '/x//y/?a=%2f', { 'X-Team': 'red', X_Team: 'red', 'X-Debug': '1', 'X-Other': '1' });
    assert.equal(answer.body, '/x//y/?a=%2f');
    assert.equal(seen[0]?.headers['x-team'], 'blue');
    assert.equal(seen[0].headers['x_team'], undefined);
    assert.equal(seen[0].headers['x-debug'], undefined);
    assert.equal(seen[0].headers['x-other'], '1');
    assert.equal(answer.headers['x-frame-options'], 'DENY');
    assert.equal(answer.headers['x-powered-by'], undefined);
    assert.match(answer.headers.location ?? '', /127\.0\.0\.1/, 'nothing asked for the outside here');
  });

  test('a route strips its prefix, and what the service says of itself leads back through it', async () => {
    const answer = await ask('app.localhost', '/%61pi/x?y');
    assert.equal(answer.body, '/x?y');
    assert.equal(answer.headers.location, 'http://app.localhost/api/next');
    assert.deepEqual(answer.headers['set-cookie'], ['a=b; Path=/api', 'c=d']);
    assert.equal(answer.headers['x-powered-by'], 'a test', 'a route with its own rewriting has that alone');
    assert.equal((await ask('app.localhost', '/api/x%2Fy')).status, 400);
  });

  test('a folder, a redirect and fixed answers behind one name', async () => {
    assert.equal((await ask('app.localhost', '/files/a.txt')).body, 'of the folder');
    const moved = await ask('app.localhost', '/old/a?b=c');
    assert.equal(moved.status, 302);
    assert.equal(moved.headers.location, 'https://new.example.org/old/a?b=c');
    const health = await ask('app.localhost', '/health');
    assert.equal(health.body, 'all is well');
    assert.match(health.headers['content-type'] ?? '', /^text\/plain/);
    const head = await ask('app.localhost', '/health', {}, 'HEAD');
    assert.equal(head.headers['content-length'], '11');
    assert.equal(head.body, '');
    assert.equal((await ask('app.localhost', '/teapot')).status, 418);
  });

  test('a service below a path of another', async () => {
    assert.equal((await ask('app.localhost', '/deep/x')).body, '/deep/x');
    assert.equal((await ask('app.localhost', '/deep/x')).headers['x-frame-options'], undefined);
    assert.equal((await ask('app.localhost', '/deeper')).headers['x-frame-options'], 'DENY');
    const urls = gateway?.status().services.map(({ url }) => url);
    assert.deepEqual(urls?.slice(0, 2), [`http://app.localhost:${port}`, `http://app.localhost:${port}/deep`]);
  });

  test('own error pages, escaped; programs get what they always get', async () => {
    const shown = await ask('down.localhost', '/', page);
    assert.equal(shown.status, 502);
    assert.match(shown.body, /^<h1>502 upstream-refused<\/h1><p title="[0-9A-Z]{26}">down\.localhost \{other\}<\/p>$/);
    assert.equal((await ask('down.localhost', '/')).headers['content-type']?.startsWith('text/html'), false);
  });

  test('maintenance: 503 with its text and Retry-After', async () => {
    const shown = await ask('paused.localhost', '/', page);
    assert.equal(shown.status, 503);
    assert.equal(shown.headers['retry-after'], '120');
    assert.match(shown.body, /Back at &#60;noon&#62;/);
    assert.match((await ask('paused.localhost', '/')).body, /Back at <noon>/);
  });
});
