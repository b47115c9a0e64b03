/** Clients of a proxy: what is taken from them ends at once, directly and through a relay. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { datagramPlace } from '../../src/core/egress/destination.ts';
import { startAwake } from '../doubles/awake.ts';
import { byHttp2, bySocks } from './client-tunnels.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

type Ready = Extract<GatewayEvent, { event: 'ready' }>;

async function echo(context: TestContext): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

it('a suspended client’s running tunnels (CONNECT in HTTP/1.1 and HTTP/2, SOCKS, UDP) end within a second, directly and through the relay, and nobody else’s', async (test) => {
  const [to, folder, own] = [await echo(test), await ownFolder(test), await freePort()];
  const home = join(folder, 'home');
  const told = async (...words: string[]): Promise<Readonly<Record<string, unknown>>> => {
    const terminal = scriptedTerminal({ home });
    assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.complained());
    return terminal.events()[0] ?? {};
  };
  const keys = new Map<string, string>();
  for (const name of ['partner', 'other']) keys.set(name, String((await told('clients', 'add', name))['key']));
  const common = 'access: [{ key: {} }], destinations: { allow: ["127.0.0.1:*"] }';
  const text = `services:
  out: { proxy: { udp: true }, ${common} }
  own: { proxy: { socks5: true, udp: true, listen: "https://127.0.0.1:${own}" }, ${common} }
`;
  const gateway = await startWritten(test, { folder, text, relay: true });
  const ready = await gateway.event((event): event is Ready => isReady(event) && event.service === 'out');
  const relay = new URL(ready.url);
  const ca = await readFile(gateway.ca);
  const asked = async (
    port: number,
    servername: string,
    client: string,
    place = `127.0.0.1:${to}`,
  ): Promise<Readonly<{ socket: TLSSocket; said: string }>> => {
    const socket = connect({ host: '127.0.0.1', port, servername, ca, checkServerIdentity: () => undefined });
    socket.on('error', () => undefined);
    test.after(() => void socket.destroy());
    const basic = Buffer.from(`${client}:${keys.get(client)}`).toString('base64');
    socket.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nProxy-Authorization: Basic ${basic}\r\n\r\n`);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return { socket, said: bytes.toString('latin1') };
  };
  const viaRelay = (client: string) => asked(Number(relay.port), relay.hostname, client);
  const direct = (client: string) => asked(own, 'own.localhost', client);
  const running = [await direct('partner'), await viaRelay('partner')];
  const bystander = await viaRelay('other');
  const datagrams = await asked(Number(relay.port), relay.hostname, 'partner', `${datagramPlace.host}:${datagramPlace.port}`);
  running.push(datagrams);
  for (const { said } of [...running, bystander]) assert.match(said, /^HTTP\/1\.1 200 /);

  const others = [
    await byHttp2(test, { port: own, ca }, `127.0.0.1:${to}`, `partner:${keys.get('partner')}`),
    await bySocks(test, { port: own, ca }, 'CONNECT', to, ['partner', keys.get('partner') ?? '']),
    await bySocks(test, { port: own, ca }, 'UDP ASSOCIATE', 0, ['partner', keys.get('partner') ?? '']),
  ];
  const awake = startAwake(test);
  const closed = Promise.all([...running.map(({ socket }) => once(socket, 'close')), ...others.map(({ ended }) => ended)]);
  await told('clients', 'suspend', 'partner', '--why', 'invoice 17');
  await closed;
  const took = awake();
  test.diagnostic(`${took.toFixed(0)} ms from the command to the last closed tunnel`);
  assert.ok(took < 1_000);
  const explained = (as: string) => told('explain', '--destination', `127.0.0.1:${to}`, '--proxy', 'own', '--as', as);
  assert.deepEqual([(await explained('partner'))['code'], (await explained('other'))['verdict']], ['client-suspended', 'pass']);
  const refused = await direct('partner');
  assert.match(refused.said, /^HTTP\/1\.1 403 [^]*invoice 17/);
  bystander.socket.write('still');
  assert.equal(String((await once(bystander.socket, 'data'))[0]), 'still');
  await told('clients', 'resume', 'partner');
  // Another process has written it: the gateway looks within a third of a second.
  while (!(await direct('partner')).said.startsWith('HTTP/1.1 200 ')) await new Promise((turn) => setTimeout(turn, 50));
  const codes = gateway.events.flatMap((event) => (event.event === 'exchange' && event.record.code !== null ? [event.record.code] : []));
  assert.ok(codes.length >= 7 && codes.every((code) => code === 'client-suspended'), codes.join());
});
