/** TLS that ends at the relay, with its gateway's consent: what visitors, the gateway and its service see, and what a relay gets without it. */

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { RelayOptions } from '../../src/relay.ts';
import { curl, withoutCurl } from '../e2e/curl.ts';
import { startService } from '../e2e/service.ts';
import type { TestService } from '../e2e/service.ts';
import { openWebSocket } from '../e2e/websocket.ts';
import type { EdgeCertificate, EdgeGateway } from './edge.ts';
import { edgeCertificate, edgeGateway } from './edge.ts';
import { startLyingRelay } from './lying-relay.ts';
import { drained, until, visitor, world } from './relay.ts';
import type { World } from './relay.ts';

type Place = Readonly<{ at: World; edge: EdgeCertificate; service: TestService; own: EdgeGateway; words: readonly string[] }>;

const host = 'blog.example.test';

/** What the service does not agree to stays from end to end, whatever the operator lists. */
async function place(test: TestContext, agreed: boolean, more: Partial<NonNullable<RelayOptions['edge']>> = {}): Promise<Place> {
  const edge = await edgeCertificate();
  const entries = [{ names: [host, '*.example.test'], certificate: edge }];
  const at = await world(test, { visitorHoldMs: 300 }, null, undefined, { edge: { entries, firewall: true, ...more } });
  const service = await startService(test);
  const terminate = agreed ? ', terminate: relay' : '';
  const own = await edgeGateway(test, await at.invite('blog'), `{ blog: { to: ${service.port}, access: [public]${terminate} } }`);
  return { at, edge, service, own, words: ['--cacert', edge.ca, '--resolve', `${host}:${at.port}:127.0.0.1`] };
}

/** Whose certificate is shown. */
async function issuer(port: number): Promise<string> {
  const socket = visitor(port, host);
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().issuer;
  socket.destroy();
  return String(CN);
}

describe('terminate: relay', () => {
  it('real curl: the relay ends the TLS, the gateway judges, the service sees whose request it is', { skip: withoutCurl }, async (test) => {
    const { at, service, words, own } = await place(test, true);
    const url = `https://${host}:${at.port}`;
    const got = await curl([...words, '-H', 'X-Forwarded-For: 192.0.2.66', '-H', 'X-Forwarded-Proto: gopher', `${url}/a?b=c`]);
    deepEqual([got.exit, got.status], [0, 200], got.said);
    const seen = service.seen.at(-1);
    const headers = new Map<string, string>();
    for (let index = 0; index < (seen?.headers.length ?? 0); index += 2)
      headers.set((seen?.headers[index] ?? '').toLowerCase(), seen?.headers[index + 1] ?? '');
    deepEqual(
      [seen?.url, headers.get('x-forwarded-for'), headers.get('x-forwarded-proto'), headers.get('x-forwarded-host')],
      ['/a?b=c', '127.0.0.1', 'https', `${host}:${at.port}`],
    );
    const posted = await curl([...words, '--data-binary', 'x'.repeat(100_000), `${url}/post`]);
    deepEqual([posted.status, service.seen.at(-1)?.bytes], [200, 100_000]);
    const loaded = await curl([...words, `${url}/download/3000000`]);
    equal(loaded.bytes, 3_000_000);
    // What only scanners ask for does not reach the gateway.
    const before = readFileSync(own.home, 'utf8').split('\n').length;
    equal((await curl([...words, `${url}/.env`])).status, 403);
    ok(readFileSync(own.home, 'utf8').split('\n').length <= before + 1);
    ok(at.sink.last().some(({ service: name, code }) => name === 'edge' && code === 'path-denied'));
    deepEqual(at.faults, []);
  });

  it('it is shown: a warning at the start, a risk in the status, the record and explain say where the TLS ended', async (test) => {
    const { at, own } = await place(test, true);
    ok(own.events.some((event) => event.event === 'warning' && event.code === 'relay-reads'));
    deepEqual([own.gateway.status().services[0]?.risks.includes('relay-reads'), at.relay.terminates(host)], [true, true]);
    const answer = await own.gateway.explain({ url: `https://${host}/`, method: 'GET', from: '192.0.2.7', as: null });
    match(answer.steps[0] ?? '', /through the relay, which may end its TLS and read everything/);
    const socket = visitor(at.port, host);
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}:${at.port}\r\nConnection: close\r\n\r\n`);
    match((await drained(socket)).toString(), /^HTTP\/1\.1 200 /);
    await until(() => readFileSync(own.home, 'utf8').includes('relay:127.0.0.1 (TLS ended there)'));
  });

  it('the requests of a connection go on one stream, which ends with it: a busy visitor uses up nobody’s streams', async (test) => {
    const { at, service } = await place(test, true);
    await until(() => at.relay.streams() === 0);
    const socket = visitor(at.port, host);
    const before = service.seen.length;
    for (let round = 0; round < 20; round += 1) {
      socket.write(`GET /${round} HTTP/1.1\r\nHost: ${host}:${at.port}\r\n\r\n`);
      match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
      equal(at.relay.streams(), 1);
    }
    equal(service.seen.length, before + 20);
    socket.destroy();
    await until(() => at.relay.streams() === 0);
  });

  it('a WebSocket goes through the edge', async (test) => {
    const { at, edge } = await place(test, true);
    const socket = await openWebSocket(`https://${host}:${at.port}/echo`, { ca: edge.ca });
    if (typeof socket === 'number') throw new Error(`refused: ${socket}`);
    socket.send('hello');
    const [echoed] = (await once(socket, 'message')) as [Buffer];
    equal(echoed.toString(), 'hello');
    socket.terminate();
  });

  it('a gateway that did not agree is passed on unread, though the operator lists its name', async (test) => {
    const { at, own } = await place(test, false);
    notEqual(await issuer(at.port), 'Edge');
    equal(
      own.events.some((event) => event.event === 'warning' && event.code === 'relay-reads'),
      false,
    );
  });

  it('an agreement that is taken back ends it, for who is connected as well', async (test) => {
    const { at, own, service } = await place(test, true);
    equal(await issuer(at.port), 'Edge');
    const socket = visitor(at.port, host);
    const ask = `GET /kept HTTP/1.1\r\nHost: ${host}:${at.port}\r\n\r\n`;
    socket.write(ask);
    match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
    await own.gateway.reconfigure(own.config(`{ blog: { to: ${service.port}, access: [public] } }`));
    const count = service.seen.length;
    socket.write(ask);
    match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 (?:404|503) /);
    equal(service.seen.length, count);
    socket.destroy();
    let shown = '';
    while ((shown = await issuer(at.port)) === 'Edge') await turn();
    notEqual(shown, 'Edge');
  });

  it('hostile relay: streams that say that their TLS was ended are refused by a gateway that did not agree', async (test) => {
    const relay = await startLyingRelay(test);
    const service = await startService(test);
    const own = await edgeGateway(test, await relay.invite('blog'), `{ blog: { to: ${service.port}, access: [public] } }`);
    const count = service.seen.length;
    relay.lie('127.0.0.1');
    for (const text of [
      `GET /secret HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      `POST /.sallyport/login HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n`,
    ]) {
      const stream = await relay.terminated(host);
      stream.write(text);
      match(String((await once(stream, 'data'))[0]), /^HTTP\/1\.1 404 /);
      stream.destroy();
    }
    equal(service.seen.length, count);
    await until(() => readFileSync(own.home, 'utf8').includes('"code":"relay-unagreed"'));
  });

  it('hostile relay: where one service agreed, a marked stream reaches no other', async (test) => {
    const relay = await startLyingRelay(test);
    const [open, closed] = [await startService(test), await startService(test)];
    const shop = 'shop.blog.example.test';
    const services = `{ blog: { to: ${open.port}, access: [public], terminate: relay }, shop: { to: ${closed.port}, at: ${shop}, access: [public] } }`;
    await edgeGateway(test, await relay.invite('blog'), services);
    const count = closed.seen.length;
    for (const [name, status] of [
      [host, 421],
      [shop, 404],
    ] as const) {
      const stream = await relay.terminated(name);
      stream.write(`GET / HTTP/1.1\r\nHost: ${shop}\r\n\r\n`);
      match(String((await once(stream, 'data'))[0]), new RegExp(`^HTTP/1\\.1 ${status} `));
      stream.destroy();
    }
    equal(closed.seen.length, count);
  });

  it('a gateway that goes away: 503 with Retry-After, over TLS of the relay', async (test) => {
    const { at, own } = await place(test, true);
    equal(await issuer(at.port), 'Edge');
    await own.gateway.stop();
    const socket = visitor(at.port, host);
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}:${at.port}\r\nConnection: close\r\n\r\n`);
    const answer = (await drained(socket)).toString();
    match(answer, /^HTTP\/1\.1 503 /);
    match(answer, /\r\nRetry-After: \d+\r\n/);
  });

  it('what has no single reading is refused at the edge, and a Host of another name', async (test) => {
    const { at, service } = await place(test, true);
    const count = service.seen.length;
    const said = async (text: string): Promise<string> => {
      const socket = visitor(at.port, host);
      socket.write(text);
      return (await drained(socket)).toString();
    };
    match(await said(`GET / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`), /^HTTP\/1\.1 400 /);
    match(await said(`GET / HTTP/1.1\r\nHost: other.example.test\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 421 /);
    match(
      await said(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close, Upgrade\r\nUpgrade: sallyport-tcp\r\n\r\n`),
      /^HTTP\/1\.1 4\d\d /,
    );
    equal(service.seen.length, count);
  });

  it('a name is proved to a certificate authority at the gateway, never here', async (test) => {
    const { at } = await place(test, true);
    const socket = visitor(at.port, host, { ALPNProtocols: ['acme-tls/1'] });
    const shown = await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve(socket.getPeerCertificate().issuer.CN));
      socket.once('close', () => resolve('refused'));
    });
    notEqual(shown, 'Edge');
    socket.destroy();
  });

  it('after a restart of the relay nobody is shown another certificate while the gateway comes back', async (test) => {
    const edge = await edgeCertificate();
    const at = await world(test, {}, null, undefined, { edge: { entries: [{ names: [host], certificate: edge }], firewall: true } });
    const service = await startService(test);
    const code = await at.invite('blog');
    const coming = edgeGateway(test, code, `{ blog: { to: ${service.port}, access: [public], terminate: relay } }`);
    coming.catch(() => undefined);
    // The name is granted, and its gateway is on its way.
    while ((await at.store.records.get('names/blog')) === null) await turn();
    equal(await issuer(at.port), 'Edge');
    await coming;
  });

  it('a certificate of other names is refused, and the ones before stay', async (test) => {
    const { at, edge } = await place(test, true);
    let wrong: unknown = null;
    try {
      at.relay.terminate([{ names: ['elsewhere.example'], certificate: edge }]);
    } catch (error) {
      wrong = error;
    }
    match(String(wrong), /is not for elsewhere\.example/);
    equal(await issuer(at.port), 'Edge');
    at.relay.terminate([]);
    notEqual(await issuer(at.port), 'Edge');
  });
});
