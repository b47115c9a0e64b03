/** Quotas of a proxy's clients over real sockets: parallel tunnels, bytes that outlast a restart, and a bandwidth that is shared. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer as createHttpServer, request, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { framedDatagram } from '../../src/core/datagrams.ts';
import { datagramPlace } from '../../src/core/egress/destination.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

type Client = Readonly<{ name: string; limits?: readonly string[] }>;

type Scene = Readonly<{
  folder: string;
  port: number;
  to: number;
  gateway: WrittenGateway;
  /** CONNECT by this client, to that destination unless another place is said; resolves with the head of the answer. */
  tunnel: (client: string, place?: string) => Promise<Readonly<{ socket: Socket; head: string }>>;
  basic: (client: string) => string;
  told: (...words: string[]) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  start: () => Promise<WrittenGateway>;
}>;

/** A destination that says as much as it can, or what it hears. */
async function destination(context: TestContext, talks: boolean): Promise<number> {
  const piece = Buffer.alloc(65_536, 'x');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (!talks) return void socket.pipe(socket);
    const say = (): void => {
      while (socket.write(piece));
    };
    socket.on('drain', say).resume();
    say();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function begin(context: TestContext, clients: readonly Client[], talks: boolean, more = ''): Promise<Scene> {
  const [folder, port, to] = [await ownFolder(context), await freePort(), await destination(context, talks)];
  const told: Scene['told'] = async (...words) => {
    const terminal = scriptedTerminal({ home: join(folder, 'home') });
    assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.complained());
    return terminal.events();
  };
  const keys = new Map<string, string>();
  for (const { name, limits = [] } of clients) {
    const [made] = await told('clients', 'add', name, ...limits);
    keys.set(name, String(made?.['key']));
  }
  const start = async (): Promise<WrittenGateway> => {
    const gateway = await startWritten(context, {
      folder,
      text: `${more}services:
  out: { proxy: { udp: true, listen: "http://127.0.0.1:${port}" }, access: [{ key: {} }], destinations: { allow: ["127.0.0.1:*"] } }
`,
    });
    await gateway.event(isReady);
    return gateway;
  };
  const basic = (client: string): string => `Basic ${Buffer.from(`${client}:${keys.get(client)}`).toString('base64')}`;
  const tunnel: Scene['tunnel'] = async (client, place = `127.0.0.1:${to}`) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    context.after(() => void socket.destroy());
    socket.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nProxy-Authorization: ${basic(client)}\r\n\r\n`);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return { socket, head: bytes.toString('latin1') };
  };
  return { folder, port, to, gateway: await start(), tunnel, basic, told, start };
}

function codesOf({ events }: WrittenGateway): readonly unknown[] {
  return events.flatMap((event) => (event.event === 'exchange' && event.record.code !== null ? [event.record.code] : []));
}

it('quota race: of fifty tunnels at once a client gets as many as it may, and a place is free when one ends', async (test) => {
  const scene = await begin(test, [{ name: 'partner', limits: ['--tunnels', '5'] }], false);
  const all = await Promise.all(Array.from({ length: 50 }, () => scene.tunnel('partner')));
  const led = all.filter(({ head }) => head.startsWith('HTTP/1.1 200 '));
  const refused = all.filter(({ head }) => head.startsWith('HTTP/1.1 429 '));
  assert.deepEqual([led.length, refused.length], [5, 45]);
  assert.match(refused[0]?.head ?? '', /Retry-After: 5\r\n[^]*has 5 tunnels open/);
  led[0]?.socket.destroy();
  while (!(await scene.tunnel('partner')).head.startsWith('HTTP/1.1 200 ')) await new Promise((turn) => setTimeout(turn, 20));
  assert.equal(codesOf(scene.gateway).filter((code) => code === 'tunnels-exceeded').length >= 45, true);
});

it('bytes of a day: a running tunnel is cut, the next is told until when, and a restart forgets nothing', async (test) => {
  const scene = await begin(test, [{ name: 'partner', limits: ['--per-day', '1MB'] }, { name: 'other' }], true);
  const { socket, head } = await scene.tunnel('partner');
  assert.match(head, /^HTTP\/1\.1 200 /);
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  if (!socket.closed) await once(socket, 'close');
  // What was read before the look goes through: one piece at most.
  assert.ok(bytes < 1_000_000 + 2 * 65_536, `${bytes} bytes`);
  const refused = await scene.tunnel('partner');
  const [, seconds = ''] = /^HTTP\/1\.1 429 [^]*Retry-After: (\d+)\r\n/.exec(refused.head) ?? [];
  assert.ok(Number(seconds) > 0 && Number(seconds) <= 86_400, refused.head);
  assert.match(refused.head, /The client partner has used the 1 MB of this day\./);
  assert.match((await scene.tunnel('other')).head, /^HTTP\/1\.1 200 /);
  assert.deepEqual(codesOf(scene.gateway).slice(0, 2), ['quota-exceeded', 'quota-exceeded']);
  await scene.gateway.gateway.stop();
  const [used] = await scene.told('clients', 'usage', 'partner');
  assert.deepEqual([used?.['requests'], used?.['refusals'], used?.['errors']], [2, 1, 1]);
  assert.ok(Number(used?.['bytesOut']) >= 1_000_000 - 65_536, String(used?.['bytesOut']));
  await scene.start();
  assert.match((await scene.tunnel('partner')).head, /^HTTP\/1\.1 429 /);
  await scene.told('clients', 'set', 'partner', '--per-day', 'none');
  while (!(await scene.tunnel('partner')).head.startsWith('HTTP/1.1 200 ')) await new Promise((turn) => setTimeout(turn, 50));
});

it('datagrams of a client are its bytes and its tunnels: they are cut when the day is used up', async (test) => {
  const scene = await begin(test, [{ name: 'partner', limits: ['--per-day', '1MB', '--tunnels', '1'] }], false);
  const place = `${datagramPlace.host}:${datagramPlace.port}`;
  const { socket, head } = await scene.tunnel('partner', place);
  assert.match(head, /^HTTP\/1\.1 200 /);
  assert.match((await scene.tunnel('partner')).head, /^HTTP\/1\.1 429 [^]*has 1 tunnel/);
  // To a port of this machine where nobody listens.
  const datagram = framedDatagram(Buffer.concat([Uint8Array.from([0, 0, 0, 1, 127, 0, 0, 1, 0, 9]), Buffer.alloc(20_000)]));
  let sent = 0;
  for (; !socket.closed && sent < 200; sent += 1) {
    if (!socket.write(datagram ?? '')) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    await new Promise(setImmediate);
  }
  if (!socket.closed) await once(socket, 'close');
  assert.ok(sent >= 50, `${sent} datagrams`);
  assert.match((await scene.tunnel('partner', place)).head, /^HTTP\/1\.1 429 [^]*has used the 1 MB of this day/);
});

it('fairness: eight clients, one greedy with sixteen tunnels: the others keep nine tenths of their share', async (test) => {
  const names = Array.from({ length: 8 }, (_, at) => `client${at}`);
  const bandwidth = 16_000_000;
  const scene = await begin(
    test,
    names.map((name) => ({ name })),
    true,
    `clients: { bandwidth: ${bandwidth / 1e6}MB }\n`,
  );
  const sums = new Map(names.map((name) => [name, 0]));
  const open = names.flatMap((name, at) => Array.from({ length: at === 0 ? 16 : 1 }, () => name));
  for (const name of open) {
    const { socket, head } = await scene.tunnel(name);
    assert.match(head, /^HTTP\/1\.1 200 /);
    socket.on('data', (chunk: Buffer) => sums.set(name, (sums.get(name) ?? 0) + chunk.length));
  }
  // What all may save is used up by then.
  await new Promise((turn) => setTimeout(turn, 500));
  for (const name of names) sums.set(name, 0);
  await new Promise((turn) => setTimeout(turn, 2_000));
  // Of what was moved: a busy machine moves less than it may.
  const share = [...sums.values()].reduce((all, sum) => all + sum, 0) / names.length;
  const shares = names.map((name) => (sums.get(name) ?? 0) / share);
  test.diagnostic(shares.map((each) => each.toFixed(2)).join(' '));
  for (const [at, each] of shares.entries()) if (at > 0) assert.ok(each >= 0.9, `${names[at]} has ${each.toFixed(2)} of its share`);
  assert.ok((shares[0] ?? 0) < 1.25, `the greedy one has ${shares[0]?.toFixed(2)}`);
});

it('requests in absolute form are counted as well, one after the other on a kept connection', async (test) => {
  const scene = await begin(test, [{ name: 'partner', limits: ['--per-day', '10MB'] }], false);
  const server = createHttpServer((_request, response) => response.end(Buffer.alloc(100_000, 'y'))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => void server.close());
  const to = (server.address() as AddressInfo).port;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  test.after(() => agent.destroy());
  const ask = async (): Promise<readonly [status: number, bytes: number]> => {
    const asked = request({
      agent,
      host: '127.0.0.1',
      port: scene.port,
      path: `http://127.0.0.1:${to}/`,
      headers: { Host: `127.0.0.1:${to}`, 'Proxy-Authorization': scene.basic('partner') },
    });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    let bytes = 0;
    for await (const chunk of answer) bytes += (chunk as Buffer).length;
    return [answer.statusCode ?? 0, bytes];
  };
  const answers: (readonly [number, number])[] = [];
  for (let each = 0; each < 6; each += 1) answers.push(await ask());
  assert.deepEqual(
    answers.slice(0, 6),
    Array.from({ length: 6 }, () => [200, 100_000]),
  );
  await scene.gateway.gateway.stop();
  const [used] = await scene.told('clients', 'usage', 'partner');
  assert.deepEqual([used?.['requests'], used?.['refusals'], used?.['bytesOut']], [6, 0, 600_000]);
});
