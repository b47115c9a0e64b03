/** A client by certificate through a relay, which sees neither: its limits, its fence, and what ends with it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { authority, signed, type Signed } from '../doubles/client-pki.ts';
import { startRelayed } from './relayed-gateway.ts';
import { ownFolder } from './written-gateway.ts';

test('through a relay: a certificate is the same client, and what it runs ends within a second when it is suspended', async (context) => {
  const folder = await ownFolder(context);
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (bytes: Buffer) => {
        const isHttp = bytes.toString('latin1').startsWith('GET ');
        socket.write(isHttp ? `HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes.toString('latin1')}` : bytes);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  const to = (server.address() as AddressInfo).port;
  const root = await authority('Root');
  await writeFile(join(folder, 'root.pem'), root.cert);
  const [lab, other] = [await signed({ cn: ['lab'], issuer: root }), await signed({ cn: ['other'], issuer: root })];
  await writeFile(join(folder, 'lab.crt'), lab.cert);
  const told = async (...words: string[]): Promise<void> => {
    const terminal = scriptedTerminal({ home: join(folder, 'home') });
    assert.equal(await runCommand(words, terminal), 0, terminal.complained());
  };
  await told('clients', 'add', 'guests', '--holder', 'other');
  await told('clients', 'add', 'lab', '--certificate', join(folder, 'lab.crt'), '--tunnels', '1');
  const relayed = await startRelayed(context, {
    folder,
    users: [],
    text: `clients: { only: true }
services:
  out:
    proxy: {}
    access: [{ mtls: { ca: ${join(folder, 'root.pem')} } }]
    destinations: { allow: [{ to: "127.0.0.1:${to}", for: [certificate:lab, certificate:other] }] }
    firewall: on
    rewrite: { request: { set: { X-Farm: blue } }, response: { remove: [server] } }
`,
  });
  const ca = await readFile(relayed.ca);
  const opened = async (shown: Signed): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port: relayed.port, servername: 'out.localhost', ca, ...shown });
    context.after(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  };
  const said = async (socket: TLSSocket, text: string): Promise<string> => {
    socket.write(text);
    return String((await once(socket, 'data'))[0]);
  };
  const tunnel = `CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n\r\n`;
  const get = (fields = ''): string => `GET http://127.0.0.1:${to}/ HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n${fields}\r\n`;
  const running = await opened(lab);
  assert.match(await said(running, tunnel), /^HTTP\/1\.1 200 /);
  assert.match(await said(await opened(lab), tunnel), /^HTTP\/1\.1 429 [^]*The client lab has 1 tunnels open/);
  const bystander = await opened(other);
  assert.match(await said(bystander, tunnel), /^HTTP\/1\.1 200 /);
  const plain = await said(await opened(lab), get());
  assert.match(plain, /^HTTP\/1\.1 200 [^]*X-Farm: blue/);
  assert.doesNotMatch(plain, /\r\nServer: /);
  assert.match(await said(await opened(lab), get('Range: bytes=0-1\r\nRange: bytes=2-3\r\n')), /^HTTP\/1\.1 403 /);

  // Of the same authority, and nobody’s client.
  const nobody = await signed({ cn: ['nobody'], issuer: root });
  assert.match(await said(await opened(nobody), tunnel), /^HTTP\/1\.1 403 [^]*Clients alone are led out here/);

  running.resume();
  const over = once(running, 'close');
  const since = performance.now();
  await told('clients', 'suspend', 'lab');
  await over;
  assert.ok(performance.now() - since < 1_000);
  assert.match(await said(await opened(lab), get()), /^HTTP\/1\.1 403 [^]*suspended/);
  assert.equal(await said(bystander, 'still'), 'still');
  const codes = relayed.records().flatMap(({ code }) => (code === null ? [] : [code]));
  assert.deepEqual(new Set(codes), new Set(['tunnels-exceeded', 'request-denied', 'client-unknown', 'client-suspended']));
});
