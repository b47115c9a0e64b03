/** Raw ports of a relay: listened on while they are held, by whom they were granted to, and by nobody else. */

import { deepEqual, equal } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { TunnelArrival } from '../contracts/tunnel.ts';
import { addBlock } from '../controlplane/enrolment/blocks.ts';
import { freePort } from '../../test/e2e/free-port.ts';
import { dial, drained, gateway, identityOf, until, world } from '../../test/tunnel/relay.ts';
import { echoBytes, grantPorts } from '../../test/tunnel/ports.ts';

/** Whether somebody takes connections there. */
function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

async function echoed(port: number, words: string): Promise<string> {
  const socket = dial(port);
  socket.end(words);
  return (await drained(socket)).toString();
}

const stands = async (port: number): Promise<Socket> => {
  const socket = dial(port);
  socket.write('x');
  await once(socket, 'data');
  return socket;
};

describe('a raw port', () => {
  it('carries any bytes both ways, half-closed too, and says who came and where', async (test) => {
    const at = await world(test);
    const [key, port] = [await identityOf('raw'), await freePort()];
    await grantPorts(at, key, 'ssh', { ports: { from: port, to: port } });
    equal(await isOpen(port), false);
    const member = gateway(test, at, { identity: key, names: [`tcp/${port}`], serve: echoBytes });
    await member.state('ready');
    equal(await echoed(port, 'SSH-2.0-anything\r\n'), 'SSH-2.0-anything\r\n');
    const large = 'y'.repeat(3_000_000);
    equal((await echoed(port, large)) === large, true);
    const [first] = member.arrivals;
    deepEqual([first?.sni, first?.port, first?.from.ip], [`tcp/${port}`, port, '127.0.0.1']);
    await until(() => at.sink.last().length >= 2);
    const [event] = at.sink.last();
    deepEqual([event?.host, event?.bytesIn, event?.bytesOut, event?.code], [`tcp/${port}`, 18, 18, null]);
    deepEqual(at.faults, []);
  });

  it('truncation: what breaks behind it is reset towards the visitor, and never looks like an end', async (test) => {
    const at = await world(test);
    const [key, port] = [await identityOf('raw'), await freePort()];
    await grantPorts(at, key, 'ssh', { ports: { from: port, to: port } });
    const half = ({ stream }: TunnelArrival): void =>
      void stream.once('data', () => stream.write('half of it', () => setImmediate(() => stream.destroy())));
    const member = gateway(test, at, { identity: key, names: [`tcp/${port}`], serve: half });
    await member.state('ready');
    const visitor = dial(port);
    const seen: string[] = [];
    visitor.on('end', () => seen.push('end'));
    visitor.on('error', (error: NodeJS.ErrnoException) => seen.push(String(error.code)));
    const closed = once(visitor, 'close').catch(() => undefined);
    visitor.resume().write('x');
    await closed;
    deepEqual(seen, ['ECONNRESET']);
  });

  it('is closed when its gateway gives it up, and when it is gone for longer than a visitor is held', async (test) => {
    const at = await world(test, { visitorHoldMs: 100, goodbyeMs: 1 });
    const [key, port] = [await identityOf('raw'), await freePort()];
    await grantPorts(at, key, 'ssh', { ports: { from: port, to: port } });
    const member = gateway(test, at, { identity: key, names: ['ssh.example.test', `tcp/${port}`], serve: echoBytes });
    await member.state('ready');
    await member.link.register(['ssh.example.test']);
    equal(await isOpen(port), false);
    await member.link.register([`tcp/${port}`]);
    equal(await isOpen(port), true);
    await until(() => at.relay.gateways()[0]?.streams === 0);
    const closed = member.link.close();
    // From here the clock goes by our hand: however slow the goodbye and the machine are, no hold ends before it is looked at.
    test.mock.timers.enable({ apis: ['setTimeout'] });
    try {
      while (at.relay.gateways().length > 0) await new Promise((resolve) => void setImmediate(resolve));
      await closed;
      // Whoever comes while its gateway is away is held, like the visitors of a name.
      test.mock.timers.tick(99);
      equal(await isOpen(port), true);
      test.mock.timers.tick(1);
    } finally {
      test.mock.timers.reset();
    }
    while (await isOpen(port)) await new Promise((resolve) => void setImmediate(resolve));
  });

  it('that another program has is refused with the reason, and the other names are held', async (test) => {
    const at = await world(test);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    test.after(() => void other.close());
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const key = await identityOf('raw');
    await grantPorts(at, key, 'ssh', { ports: { from: port, to: port } });
    const member = gateway(test, at, { identity: key, names: ['ssh.example.test', `tcp/${port}`] });
    equal((await member.state('ready'))?.code, 'address-in-use');
    deepEqual(at.relay.gateways()[0]?.names, ['ssh.example.test']);
  });
});

describe('port of another key', () => {
  it('is nobody else’s, not the range beside it, and not the relay’s own', async (test) => {
    const at = await world(test);
    const [mine, other] = [await identityOf('raw'), await identityOf('raw other')];
    const port = await freePort();
    await grantPorts(at, mine, 'ssh', { ports: { from: port, to: port } });
    await grantPorts(at, other, 'game', { ports: { from: at.port, to: at.port } });
    const member = gateway(test, at, { identity: other, names: ['game.example.test'] });
    await member.state('ready');
    const answers = await member.link.register([
      'game.example.test',
      `tcp/${port}`,
      `udp/${port}`,
      `tcp/${at.port}`,
      'tcp/70000',
      'tcp/080',
    ]);
    deepEqual(
      answers.map((answer) => (answer.is === 'held' ? 'held' : answer.code)),
      ['held', 'name-refused', 'name-refused', 'address-in-use', 'name-malformed', 'name-malformed'],
    );
    equal(await isOpen(port), false);
  });

  it('is taken back with its grant: the listener is closed and what runs is cut', async (test) => {
    const at = await world(test);
    const [key, port] = [await identityOf('raw'), await freePort()];
    await grantPorts(at, key, 'ssh', { ports: { from: port, to: port } });
    const member = gateway(test, at, { identity: key, names: [`tcp/${port}`], serve: echoBytes });
    await member.state('ready');
    const running = await stands(port);
    await addBlock(at.store, { kind: 'name', what: 'ssh', why: 'a test', since: 0 });
    await once(running, 'close');
    equal(await isOpen(port), false);
  });

  it('cannot be asked for by a name in a hello', async (test) => {
    const at = await world(test);
    const [key, port] = [await identityOf('raw'), await freePort()];
    await grantPorts(at, key, 'ssh', { ports: { from: port, to: port } });
    const member = gateway(test, at, { identity: key, names: [`tcp/${port}`], serve: echoBytes });
    await member.state('ready');
    const socket = dial(at.port);
    socket.write(helloFor(`tcp/${port}`));
    const said = await drained(socket);
    equal(said[0], 21);
    deepEqual(member.arrivals, []);
  });
});

describe('connection flood on ports', () => {
  it('counts one address over all ports together', async (test) => {
    const at = await world(test, { connectionsPerAddressMax: 3 });
    const [key, one, two] = [await identityOf('raw'), await freePort(), await freePort()];
    await grantPorts(at, key, 'ssh', { ports: { from: Math.min(one, two), to: Math.max(one, two) } });
    const member = gateway(test, at, { identity: key, names: [`tcp/${one}`, `tcp/${two}`], serve: echoBytes });
    await member.state('ready');
    const sockets = [await stands(one), await stands(one), await stands(two)];
    equal((await drained(dial(two))).length, 0);
    sockets[0]?.destroy();
    await until(() => member.arrivals[0]?.stream.destroyed === true);
    // The gateway knows a moment before the relay that the place is free: until then whoever comes is turned away.
    while ((await echoed(two, 'x')) === '');
    for (const socket of sockets) socket.destroy();
  });
});

/** A TLS 1.2 hello that asks for a name which no program could ask for. */
function helloFor(name: string): Buffer {
  const sni = Buffer.concat([Buffer.of(0, name.length + 3, 0, 0, name.length), Buffer.from(name)]);
  const extension = Buffer.concat([Buffer.of(0, 0, 0, sni.length), sni]);
  const body = Buffer.concat([Buffer.of(3, 3), Buffer.alloc(32, 7), Buffer.of(0, 0, 2, 0x13, 0x01, 1, 0, 0, extension.length), extension]);
  const handshake = Buffer.concat([Buffer.of(1, 0, 0, body.length), body]);
  return Buffer.concat([Buffer.of(22, 3, 1, 0, handshake.length), handshake]);
}
