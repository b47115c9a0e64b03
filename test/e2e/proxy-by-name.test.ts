/** A proxy that is reached by its name where TLS is, beside a web service of the same gateway; and the command that starts one. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as dial, type AddressInfo, type Socket } from 'node:net';
import { it, type TestContext } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { readFile } from 'node:fs/promises';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { useCheapHashes } from './cheap-hashes.ts';
import { freePort } from './free-port.ts';
import { curl, withoutCurl } from './curl.ts';
import { freshHome, runInside } from './program.ts';
import { startAwake } from '../doubles/awake.ts';
import { goodPassword, isReady, ownFolder, startWritten } from './written-gateway.ts';

useCheapHashes();

type Ready = Extract<GatewayEvent, { event: 'ready' }>;

async function destination(context: TestContext): Promise<number> {
  const server = createServer((request, response) => response.end(`you asked for ${request.url}`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const basic = `Proxy-Authorization: Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}`;

it('by its name, on the gateway’s own address: only there, and only with TLS', async (test) => {
  const port = await freePort();
  const [to, folder] = [await destination(test), await ownFolder(test)];
  const gateway = await startWritten(test, {
    folder,
    users: ['ana'],
    text: `listen: ["https://127.0.0.1:${port}"]
services:
  web: { at: web.localhost, to: ${to}, access: [public] }
  out: { at: out.localhost, proxy: { socks5: true }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"] } }
`,
  });
  await gateway.event((event): event is Ready => isReady(event) && event.service === 'out');
  const ca = await readFile(gateway.ca);
  const greeted = async (servername: string): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port, servername, ca, ALPNProtocols: ['h2', 'http/1.1'] });
    await once(socket, 'secureConnect');
    test.after(() => void socket.destroy());
    return socket;
  };
  const asked = async (servername: string, head: string): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, servername, ca });
    test.after(() => void socket.destroy());
    socket.write(head);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return bytes.toString('latin1');
  };
  assert.equal((await greeted('out.localhost')).alpnProtocol, 'h2');
  assert.equal((await greeted('web.localhost')).alpnProtocol, 'h2');
  const target = `http://127.0.0.1:${to}/x`;
  const get = `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n${basic}\r\n\r\n`;
  assert.match(await asked('out.localhost', get), /^HTTP\/1\.1 200 /);
  assert.match(await asked('out.localhost', get.replace(basic, 'X: y')), /^HTTP\/1\.1 407 /);
  // The other service of this gateway leads nobody anywhere.
  assert.match(await asked('web.localhost', get), /^HTTP\/1\.1 421 /);
  assert.match(
    await asked('web.localhost', `CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n${basic}\r\n\r\n`),
    /^HTTP\/1\.1 501 /,
  );
  // SOCKS over TLS: its first octets are answered in its own words.
  assert.deepEqual([...Buffer.from(await asked('out.localhost', '\u0005\u0001\u0002'), 'latin1')], [5, 2]);
  // The gateway itself is no destination.
  const own = get.replaceAll(`127.0.0.1:${to}`, `127.0.0.1:${port}`);
  assert.match(await asked('out.localhost', own), /^HTTP\/1\.1 403 /);
});

it('a tunnel ends within a second when its service is closed', async (test) => {
  const [to, folder, port] = [await destination(test), await ownFolder(test), await freePort()];
  const gateway = await startWritten(test, {
    folder,
    users: ['ana'],
    text: `services:
  out: { proxy: { listen: "http://127.0.0.1:${port}" }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"] } }
`,
  });
  await gateway.event(isReady);
  const socket = dial(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n${basic}\r\n\r\n`);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  assert.match(bytes.toString(), /^HTTP\/1\.1 200 /);
  const awake = startAwake(test);
  await gateway.gateway.close('out');
  if (!socket.closed) await once(socket, 'close');
  assert.ok(awake() < 1_000);
});

it('a tunnel ends when a new configuration leads elsewhere', async (test) => {
  const [to, folder, port] = [await destination(test), await ownFolder(test), await freePort()];
  const text = (allow: string): string => `services:
  out: { proxy: { listen: "http://127.0.0.1:${port}", socks5: true }, access: [{ password: {} }], destinations: { allow: ["${allow}"] } }
`;
  const gateway = await startWritten(test, { folder, users: ['ana'], text: text('127.0.0.1:*') });
  await gateway.event(isReady);
  const connected = async (): Promise<readonly [Socket, string]> => {
    const socket = dial(port, '127.0.0.1');
    socket.on('error', () => undefined);
    test.after(() => void socket.destroy());
    socket.write(`CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n${basic}\r\n\r\n`);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return [socket, bytes.toString()];
  };
  const [before, said] = await connected();
  assert.match(said, /^HTTP\/1\.1 200 /);
  await gateway.rewrite(text('10.2.0.0/16'));
  if (!before.closed) await once(before, 'close');
  assert.match((await connected())[1], /^HTTP\/1\.1 403 /);
});

it('sallyport proxy --json says proxy in place of url, and leads where it may', { skip: withoutCurl }, async (test) => {
  const home = await freshHome(test);
  const [to, port] = [await destination(test), await freePort()];
  const words = ['proxy', '--listen', `127.0.0.1:${port}`, '--password', 'ana', '--allow', `127.0.0.1:${to}`];
  const program = runInside(test, words, { home, env: { SALLYPORT_PASSWORD: goodPassword } });
  const ready = await program.line('ready');
  assert.deepEqual([ready['proxy'], 'url' in ready, ready['service']], [`http://127.0.0.1:${port}`, false, 'proxy']);
  const proxy = ['--noproxy', '', '--proxy', `http://127.0.0.1:${port}`, '--proxy-user', `ana:${goodPassword}`];
  const [led, denied] = await Promise.all([
    curl([...proxy, `http://127.0.0.1:${to}/y`]),
    curl([...proxy, 'http://169.254.169.254/latest/']),
  ]);
  assert.equal(led.body, 'you asked for /y', led.said);
  assert.equal(denied.status, 403);
  assert.equal(await program.stop(), 0);
});

it('a tunnel lasts as long as it may, and one that must begin with TLS does not wait for ever', async (test) => {
  const [to, folder, port] = [await destination(test), await ownFolder(test), await freePort()];
  const gateway = await startWritten(test, {
    folder,
    users: ['ana'],
    text: `limits: { helloMs: 300, tunnelLifeMs: 300 }
services:
  out: { proxy: { listen: "http://127.0.0.1:${port}", socks5: true }, access: [{ password: {} }], destinations: { allow: ["127.0.0.1:*"], sni: match } }
`,
  });
  await gateway.event(isReady);
  const codes = (): readonly unknown[] => gateway.events.flatMap((event) => (event.event === 'exchange' ? [event.record.code] : []));
  const codeOf = async (first: string | Uint8Array, then?: Uint8Array): Promise<unknown> => {
    const before = codes().length;
    const socket = dial(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(first);
    if (then !== undefined) {
      await once(socket, 'data');
      socket.write(then);
    }
    socket.resume();
    await once(socket, 'close');
    while (codes().length === before) await new Promise((turn) => setTimeout(turn, 5));
    return codes().at(-1);
  };
  assert.equal(await codeOf(`CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n${basic}\r\n\r\n`), 'tunnel-expired');
  const counted = (text: string): readonly number[] => [text.length, ...Buffer.from(text)];
  const wanted = [1, ...counted('ana'), ...counted(goodPassword), 5, 1, 0, 1, 127, 0, 0, 1, to >> 8, to & 255];
  assert.equal(await codeOf(Uint8Array.from([5, 1, 2]), Uint8Array.from(wanted)), 'hello-timed-out');
});

it('through a relay by its name: the relay sees a name, and is itself no destination', async (test) => {
  const [to, folder] = [await destination(test), await ownFolder(test)];
  const text = 'services: { out: { proxy: { socks5: true }, access: [{ ip: [127.0.0.1] }], destinations: { allow: ["127.0.0.1:*"] } } }';
  const gateway = await startWritten(test, { folder, text, relay: true });
  const { hostname, port } = new URL((await gateway.event(isReady)).url);
  assert.equal(hostname, 'out.localhost');
  const ca = await readFile(gateway.ca);
  const asked = async (target: string): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername: hostname, ca });
    test.after(() => void socket.destroy());
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\nGET /r HTTP/1.1\r\nHost: x\r\n\r\n`);
    let heard = '';
    for await (const bytes of socket) {
      heard += (bytes as Buffer).toString('latin1');
      if (/you asked for|does not lead/.test(heard)) break;
    }
    return heard;
  };
  assert.match(await asked(`127.0.0.1:${to}`), /^HTTP\/1\.1 200 [^]*you asked for \/r/);
  assert.match(await asked(`127.0.0.1:${port}`), /^HTTP\/1\.1 403 /);
});
