/** The relay from outside: visitors by name, unread, and whatever else may knock. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import { dial, drained, gateway, identityOf, until, visitor, world } from '../test/tunnel/relay.ts';

const unrecognized = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/** The first flight of a client that asks for this name. */
function hello(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const line = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        done();
        resolve(chunk);
      },
    });
    tls.connect({ socket: line, servername }).on('error', () => undefined);
  });
}

describe('a relay', () => {
  it('passes a visitor on to the gateway that holds the name, and says who came', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await member.link.ready;
    const socket = visitor(at.port, 'BLOG.example.test', { ALPNProtocols: ['http/1.1'] });
    socket.write('hello');
    const [echoed] = (await once(socket, 'data')) as [Buffer];
    equal(echoed.toString(), 'hello');
    const arrival = member.arrivals[0];
    deepEqual(
      [arrival?.sni, arrival?.alpn, arrival?.port, arrival?.from],
      ['blog.example.test', ['http/1.1'], at.port, { ip: '127.0.0.1', port: socket.localPort }],
    );
    socket.end();
    await once(socket, 'close');
    await until(() => at.sink.last().length === 1);
    const event = at.sink.last()[0];
    deepEqual([event?.verdict, event?.host, event?.id], ['pass', 'blog.example.test', arrival?.id]);
    ok(event && event.bytesIn > 1_000 && event.bytesOut > 500);
    deepEqual(at.faults, []);
  });

  it('carries 40 MB both ways, whole', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    await gateway(test, at, { identity: key, names: ['blog.example.test'] }).link.ready;
    const socket = visitor(at.port, 'blog.example.test');
    const block = randomBytes(1_048_576);
    const sent = createHash('sha256');
    const got = createHash('sha256');
    socket.on('data', (bytes: Buffer) => got.update(bytes));
    for (let count = 0; count < 40; count++) {
      sent.update(block);
      if (!socket.write(block)) await once(socket, 'drain');
    }
    socket.end();
    await once(socket, 'end');
    equal(got.digest('hex'), sent.digest('hex'));
  });

  it('serves others while a visitor reads nothing', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, {
      identity: key,
      names: ['blog.example.test'],
      serve: (arrival) => {
        const server = new tls.TLSSocket(arrival.stream, { isServer: true, key: key.privateKey, cert: key.certificate });
        server.on('error', () => undefined);
        const more = (): void =>
          void (server.destroyed || (server.write(Buffer.alloc(65_536)) ? setImmediate(more) : server.once('drain', more)));
        server.once('secure', more);
      },
    });
    await member.link.ready;
    const stalled = visitor(at.port, 'blog.example.test');
    await once(stalled, 'secureConnect');
    stalled.pause();
    const fast = visitor(at.port, 'blog.example.test');
    let bytes = 0;
    fast.on('data', (piece: Buffer) => (bytes += piece.length));
    await until(() => bytes > 20_000_000, 20_000);
    stalled.destroy();
    fast.destroy();
  });

  it('reads a hello in segments of one byte', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'], serve: (arrival) => void arrival.stream.resume() });
    await member.link.ready;
    const socket = dial(at.port);
    socket.setNoDelay(true);
    const bytes = (await hello('blog.example.test')).subarray(0, 4_000);
    for (const byte of bytes.subarray(0, 400)) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => void setImmediate(resolve));
    }
    socket.write(bytes.subarray(400));
    await until(() => member.arrivals.length === 1);
    equal(member.arrivals[0]?.sni, 'blog.example.test');
    socket.destroy();
  });

  it('answers a name that nobody holds with a fatal alert, and a gateway that has gone alike', async (test) => {
    const at = await world(test, { visitorHoldMs: 100 });
    const key = await at.member('blog');
    const socket = dial(at.port);
    socket.write(await hello('blog.example.test'));
    deepEqual(await drained(socket), unrecognized);
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await member.link.ready;
    await member.link.close();
    await until(() => at.relay.gateways().length === 0);
    const again = dial(at.port);
    again.write(await hello('blog.example.test'));
    deepEqual(await drained(again), unrecognized);
    deepEqual(
      at.sink.last().map((event) => event.code),
      ['name-unknown', 'name-unknown'],
    );
  });

  it('gives visitors without a name to its owner, and on a public relay to nobody', async (test) => {
    const owner = await identityOf('owner');
    const own = await world(test, {}, owner.fingerprint);
    const member = gateway(test, own, { identity: owner, names: ['anything.localhost', '192.0.2.1'] });
    await member.link.ready;
    const socket = visitor(own.port, '');
    socket.write('x');
    await once(socket, 'data');
    equal(member.arrivals[0]?.sni, null);
    socket.destroy();

    const open = await world(test);
    const stranger = dial(open.port);
    stranger.write(await hello(''));
    deepEqual(await drained(stranger), unrecognized);
  });

  it('holds nothing of what visitor and gateway say in its record', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    await gateway(test, at, { identity: key, names: ['blog.example.test'] }).link.ready;
    const socket = visitor(at.port, 'blog.example.test');
    socket.write('planted-secret-5f1c');
    await once(socket, 'data');
    socket.end();
    await until(() => at.sink.last().length === 1);
    equal(JSON.stringify(at.sink.last()).includes('planted'), false);
  });

  it('keeps a gateway in a wildcard of its own, one label deep', async (test) => {
    const at = await world(test, { visitorHoldMs: 100 });
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['*.blog.example.test'], serve: (arrival) => void arrival.stream.resume() });
    await member.link.ready;
    dial(at.port).write(await hello('a.blog.example.test'));
    await until(() => member.arrivals.length === 1);
    for (const name of ['blog.example.test', 'a.b.blog.example.test']) {
      const socket = dial(at.port);
      socket.write(await hello(name));
      deepEqual(await drained(socket), unrecognized, name);
    }
  });
});

describe('slowloris on the hello', () => {
  it('closes a hello that is not whole in time, and serves others meanwhile', async (test) => {
    const at = await world(test, { helloMs: 300 });
    const key = await at.member('blog');
    await gateway(test, at, { identity: key, names: ['blog.example.test'] }).link.ready;
    const bytes = await hello('blog.example.test');
    const slow = Array.from({ length: 40 }, () => dial(at.port));
    for (const socket of slow) socket.write(bytes.subarray(0, 100));
    const good = visitor(at.port, 'blog.example.test');
    good.write('x');
    await once(good, 'data');
    good.destroy();
    await Promise.all(slow.map((socket) => drained(socket)));
    await until(() => at.sink.last().filter((event) => event.code === 'hello-timed-out').length === 40);
  });

  it('caps connections of one address before a byte is read', async (test) => {
    const at = await world(test, { connectionsPerAddressMax: 5 });
    const held = Array.from({ length: 5 }, () => dial(at.port));
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    const sixth = dial(at.port);
    deepEqual(await drained(sixth), Buffer.from([21, 3, 3, 0, 2, 2, 80]));
    for (const socket of held) socket.destroy();
  });
});

describe('crash by unhandled', () => {
  it('bears a reset at every point of a visit', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    await gateway(test, at, { identity: key, names: ['blog.example.test'] }).link.ready;
    const bytes = await hello('blog.example.test');
    for (const point of [0, 1, 5, 6, 100, bytes.length - 1, bytes.length]) {
      const socket = dial(at.port);
      await once(socket, 'connect');
      if (point > 0) socket.write(bytes.subarray(0, point));
      await new Promise((resolve) => void setImmediate(resolve));
      socket.resetAndDestroy();
    }
    for (let turns = 0; turns < 30; turns++) {
      const line = dial(at.port);
      await once(line, 'connect');
      const socket = visitor(at.port, 'blog.example.test', { socket: line });
      socket.write(Buffer.alloc(100_000));
      for (let left = turns; left > 0; left--) await new Promise((resolve) => void setImmediate(resolve));
      line.resetAndDestroy();
    }
    const good = visitor(at.port, 'blog.example.test');
    good.write('still here');
    await once(good, 'data');
    good.destroy();
    deepEqual(at.faults, []);
  });

  it('refuses what is no TLS', async (test) => {
    const at = await world(test);
    const socket = dial(at.port);
    socket.write('GET / HTTP/1.1\r\nHost: blog.example.test\r\n\r\n');
    deepEqual([...(await drained(socket)).subarray(0, 2)], [21, 3]);
    await until(() => at.sink.last().length === 1);
    match(at.sink.last()[0]?.code ?? '', /hello-malformed/);
  });
});
