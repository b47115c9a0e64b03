/** A proxy over TLS whose clients show a certificate: HTTP, CONNECT in both versions, and SOCKS. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { authority, signed, type Signed } from '../doubles/client-pki.ts';
import { curl, withoutCurl } from './curl.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

test('mtls is a credential of a proxy: at its own port and by its name, for HTTP, CONNECT and SOCKS over TLS', async (context) => {
  const folder = await ownFolder(context);
  const server = createServer((request, response) => response.end(`you asked for ${request.url}`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  const to = (server.address() as AddressInfo).port;
  const root = await authority('Root');
  await writeFile(join(folder, 'root.pem'), root.cert);
  const [port, own] = [await freePort(), await freePort()];
  const access = `access: [{ mtls: { ca: ${join(folder, 'root.pem')} } }], destinations: { allow: ["127.0.0.1:*"] }`;
  const gateway = await startWritten(context, {
    folder,
    text: `listen: ["https://127.0.0.1:${port}"]
services:
  web: { at: web.localhost, to: ${to}, access: [public] }
  named: { at: out.localhost, proxy: { socks5: true }, ${access} }
  ported: { at: own.localhost, proxy: { listen: "https://127.0.0.1:${own}", socks5: true }, ${access} }
`,
  });
  await gateway.event(isReady);
  const ca = await readFile(gateway.ca);
  const ana = await signed({ cn: ['ana'], issuer: root });
  const eve = await signed({ cn: ['ana'], issuer: await authority('Other') });

  const opened = async (at: number, servername: string, shown: Signed | null, protocol = 'http/1.1'): Promise<TLSSocket> => {
    // The port of a proxy is dialled by its address, whose certificate is another test's.
    const socket = connect({ host: '127.0.0.1', port: at, servername, ca, ALPNProtocols: [protocol], rejectUnauthorized: false, ...shown });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    context.after(() => void socket.destroy());
    return socket;
  };
  const said = async (socket: TLSSocket, bytes: string | Uint8Array): Promise<Buffer> => {
    socket.write(bytes);
    return ((await once(socket, 'data')) as [Buffer])[0];
  };
  const head = (method: string, target: string): string => `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n\r\n`;
  for (const [at, name] of [
    [port, 'out.localhost'],
    [own, 'own.localhost'],
  ] as const) {
    for (const [shown, status] of [
      [ana, 200],
      [eve, 407],
      [null, 407],
    ] as const) {
      for (const asked of [head('GET', `http://127.0.0.1:${to}/x`), head('CONNECT', `127.0.0.1:${to}`)]) {
        const answer = await said(await opened(at, name, shown), asked);
        assert.match(answer.toString(), new RegExp(`^HTTP/1\\.1 ${status} `), `${name} ${asked}`);
      }
      const over = await opened(at, name, shown, 'h2');
      const session = connectHttp2(`https://${name}:${at}`, { createConnection: () => over });
      session.on('error', () => undefined);
      const stream = session.request({ ':method': 'CONNECT', ':authority': `127.0.0.1:${to}` });
      const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
      assert.equal(fields[':status'], status, `${name} over HTTP/2`);
      session.destroy();
      const socks = await opened(at, name, shown);
      assert.deepEqual([...(await said(socks, Uint8Array.of(5, 1, 0)))], [5, 0]);
      const reply = await said(socks, Uint8Array.of(5, 1, 0, 1, 127, 0, 0, 1, to >> 8, to & 0xff));
      assert.equal(reply[1], status === 200 ? 0 : 2, `${name} over SOCKS`);
    }
  }
  const events = gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));
  assert.ok(events.some(({ who }) => who === 'certificate:ana'));
});

test('curl --proxy-cert', { skip: withoutCurl }, async (context) => {
  const folder = await ownFolder(context);
  const server = createServer((_request, response) => response.end('there'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  const root = await authority('Root');
  const ana = await signed({ cn: ['ana'], issuer: root });
  const files = { 'root.pem': root.cert, 'ana.crt': ana.cert, 'ana.key': ana.key };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  const port = await freePort();
  const gateway = await startWritten(context, {
    folder,
    text: `services:
  out: { proxy: { listen: "https://127.0.0.1:${port}" }, access: [{ mtls: { ca: ${join(folder, 'root.pem')} } }], destinations: { allow: ["127.0.0.1:*"] } }
`,
  });
  await gateway.event(isReady);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const through = ['--noproxy', '', '--proxy', `https://127.0.0.1:${port}`, '--proxy-cacert', gateway.ca, '--proxytunnel'];
  const shown = ['--proxy-cert', join(folder, 'ana.crt'), '--proxy-key', join(folder, 'ana.key')];
  const answer = await curl([...through, ...shown, url]);
  assert.deepEqual([answer.exit, answer.status, answer.body], [0, 200, 'there'], answer.said);
  assert.notEqual((await curl([...through, url])).exit, 0);
});
