/** Several carriers of one gateway: one is lost, all leave, the relay or the gateway comes again; what is asked meanwhile is not lost. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createMemorySink } from '../modules/sinks/memory.ts';
import { startRelay } from '../relay.ts';
import type { Relay } from '../relay.ts';
import { gateway, until, visitor, world } from '../../test/tunnel/relay.ts';
import type { World } from '../../test/tunnel/relay.ts';
import { visit, visits, wireTo } from '../../test/tunnel/visits.ts';

const name = 'blog.example.test';

/** Visitors whose streams stand and have been answered. */
async function standing(port: number, count: number): Promise<readonly TLSSocket[]> {
  const sockets = Array.from({ length: count }, () => visitor(port, name));
  for (const socket of sockets) {
    socket.write('x');
    await once(socket, 'data');
  }
  return sockets;
}

const echoes = async (socket: TLSSocket): Promise<boolean> => {
  const sent = randomBytes(1_000);
  const got: Buffer[] = [];
  socket.on('data', (piece: Buffer) => got.push(piece));
  socket.write(sent);
  await until(() => socket.destroyed || Buffer.concat(got).length >= sent.length);
  return Buffer.concat(got).equals(sent);
};

async function relayAgain(test: TestContext, at: World): Promise<Relay> {
  const again = await startRelay({
    identity: at.identity,
    store: at.store,
    listen: [{ host: '127.0.0.1', port: at.port }],
    domain: 'example.test',
    limits: at.limits,
    audit: createMemorySink({ eventsMax: 10 }),
    now: Date.now,
    owner: null,
    onFault: () => undefined,
  });
  test.after(() => again.close());
  return again;
}

describe('several carriers', () => {
  it('hold the names of one process together, and share its streams', async (test) => {
    const at = await world(test, { carriersPerRelay: 4 });
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: [name] });
    await until(() => member.link.carriers() === 4);
    const sockets = await standing(at.port, 8);
    const [facts, ...others] = at.relay.gateways();
    deepEqual([facts?.names, facts?.carriers, facts?.streams, others], [[name], 4, 8, []]);
    deepEqual(member.states, [
      ['connecting', null],
      ['ready', null],
    ]);
    for (const socket of sockets) socket.destroy();
  });

  it('lose with one of two the streams of that one only, under load, and the name stays held', async (test) => {
    // Nobody waits: what is lost is lost.
    const at = await world(test, { resumeMs: 1 });
    const key = await at.member('blog');
    const wire = await wireTo(test, at.port);
    const member = gateway(test, at, { identity: key, names: [name], address: wire.address });
    await until(() => member.link.carriers() === 2);
    const sockets = await standing(at.port, 10);
    const load = visits(test, at.port, name, 5);
    await until(() => load.tally.whole > 20);
    wire.cut(0);
    await until(() => sockets.filter((socket) => socket.destroyed).length === 5);
    equal(await visit(at.port, name), null, 'the name is held');
    const alive = sockets.filter((socket) => !socket.destroyed);
    deepEqual(await Promise.all(alive.map(echoes)), [true, true, true, true, true]);
    await until(() => member.link.carriers() === 2);
    const before = load.tally.whole;
    await until(() => load.tally.whole > before + 50);
    await load.end();
    ok(load.tally.failed.length <= 5, `only what ran on the lost one: ${load.tally.failed.join()}`);
    equal(member.states.at(-1)?.[0], 'ready');
    equal(member.states.length, 2, 'nobody was told of a loss');
    for (const socket of sockets) socket.destroy();
  });

  it('go on over another connection when theirs is cut, as often as it is: no stream is lost, no byte, no request', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const wire = await wireTo(test, at.port);
    const member = gateway(test, at, { identity: key, names: [name], address: wire.address });
    await until(() => member.link.carriers() === 2);
    const sockets = await standing(at.port, 10);
    const load = visits(test, at.port, name, 5);
    for (let round = 0; round < 6; round += 1) {
      const before = load.tally.whole;
      await until(() => load.tally.whole > before + 20, 20_000);
      wire.cut(round % 2);
    }
    const before = load.tally.whole;
    await until(() => load.tally.whole > before + 50, 20_000);
    await load.end();
    deepEqual(load.tally.failed, []);
    deepEqual(
      await Promise.all(sockets.map(echoes)),
      Array.from({ length: 10 }, () => true),
    );
    equal(member.states.length, 2, 'nobody was told of a loss');
    for (const socket of sockets) socket.destroy();
  });

  it('leave one after the other’s coming: a relay that says goodbye under load costs no request, and what runs goes on', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: [name] });
    await until(() => member.link.carriers() === 2);
    const sockets = await standing(at.port, 4);
    const load = visits(test, at.port, name, 10);
    for (const round of [1, 2, 3]) {
      const before = load.tally.whole;
      await until(() => load.tally.whole > before + 50, 20_000);
      at.relay.leave();
      await until(() => member.link.carriers() === 2, 20_000);
      ok(round > 0);
    }
    const before = load.tally.whole;
    await until(() => load.tally.whole > before + 50, 20_000);
    await load.end();
    deepEqual(load.tally.failed, []);
    deepEqual(await Promise.all(sockets.map(echoes)), [true, true, true, true]);
    equal(member.states.length, 2, 'nobody was told of a loss');
    equal(at.relay.streams(), 4);
    for (const socket of sockets) socket.end();
    await until(() => at.relay.gateways()[0]?.carriers === 2, 10_000);
  });

  it('go with their gateway: it lets what runs end, its name is free at once, and who comes meanwhile waits for the next', async (test) => {
    const at = await world(test, { goodbyeMs: 5_000 });
    const key = await at.member('blog');
    let member = gateway(test, at, { identity: key, names: [name] });
    await member.link.ready;
    const load = visits(test, at.port, name, 10);
    for (const round of [1, 2, 3]) {
      const before = load.tally.whole;
      await until(() => load.tally.whole > before + 50, 20_000);
      const old = member;
      const gone = old.link.close();
      member = gateway(test, at, { identity: key, names: [name] });
      await Promise.all([gone, member.link.ready]);
      ok(round > 0);
    }
    await load.end();
    deepEqual(load.tally.failed, []);
  });

  it('are given up after `goodbyeMs`, whatever still runs', async (test) => {
    const at = await world(test, { goodbyeMs: 100 });
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: [name] });
    await member.link.ready;
    const [socket] = await standing(at.port, 1);
    const start = performance.now();
    await member.link.close();
    ok(performance.now() - start >= 95);
    await until(() => socket?.destroyed === true);
  });

  it('are back soon after their relay is', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: [name] });
    await until(() => member.link.carriers() === 2);
    const lost = member.state('lost');
    await at.relay.close();
    await lost;
    // Some attempts fail: the waits have grown by now.
    await until(() => member.states.filter(([state]) => state === 'lost').length >= 3, 20_000);
    const ready = member.state('ready');
    const start = performance.now();
    const again = await relayAgain(test, at);
    await ready;
    test.diagnostic(`${Math.round(performance.now() - start)} ms after the relay was back`);
    await until(() => again.gateways()[0]?.carriers === 2);
  });

  it('become more when their streams are many, up to eight', async (test) => {
    const at = await world(test, { carrierStreamsMax: 4 });
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: [name] });
    await until(() => member.link.carriers() === 2);
    const sockets: TLSSocket[] = [];
    while (sockets.length < 30) {
      sockets.push(...(await standing(at.port, 1)));
      const wanted = Math.min(8, 2 + Math.floor(sockets.length / 8));
      await until(() => member.link.carriers() >= wanted);
    }
    equal(member.link.carriers(), 8);
    for (const socket of sockets) socket.destroy();
  });

  it('are given back when they were not needed for a while, and no request fails by it', async (test) => {
    const at = await world(test, { carrierStreamsMax: 8, carrierSpareMs: 300 });
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: [name] });
    await until(() => member.link.carriers() === 2);
    const crowd = await standing(at.port, 16);
    await until(() => member.link.carriers() > 2);
    const most = member.link.carriers();
    // Streams that last hold theirs: a carrier goes only when nothing runs on it.
    const [lasting] = await standing(at.port, 1);
    for (const socket of crowd) socket.destroy();
    const load = visits(test, at.port, name, 6);
    await until(() => member.link.carriers() === 2 && at.relay.gateways()[0]?.carriers === 2, 10_000);
    await load.end();
    deepEqual(load.tally.failed, []);
    ok(load.tally.whole > 10, `${load.tally.whole} visits while ${most} became 2`);
    ok(lasting !== undefined && (await echoes(lasting)));
    equal(at.relay.gateways().length, 1);
    // Fewer than that are never given back, and more come again when they are needed.
    const again = await standing(at.port, 10);
    await until(() => member.link.carriers() > 2);
    for (const socket of [...again, lasting]) socket.destroy();
  });

  it('get no stream before their gateway has spoken on them, so that no open outruns the greeting', async (test) => {
    const at = await world(test, { carriersPerRelay: 8 });
    const key = await at.member('blog');
    // Joining was a carrier of its own.
    await until(() => at.ends.length === 1);
    for (const round of [1, 2, 3, 4, 5]) {
      const ends = at.ends.length;
      const member = gateway(test, at, { identity: key, names: [name] });
      await member.link.ready;
      const load = visits(test, at.port, name, 5);
      await until(() => member.link.carriers() === 8, 20_000);
      await load.end();
      equal(at.ends.length, ends, `no carrier ended in round ${round}`);
      deepEqual(load.tally.failed, []);
      await member.link.close();
      await until(() => at.relay.gateways().length === 0);
    }
  });

  it('are dialled anew as soon as the addresses of this machine are others, dead ones and those that wait', async (test) => {
    // Nothing but the change may find the dead ones, or end the wait.
    const at = await world(test, { carrierProbeMs: 200, carrierIdleMs: 600_000, redialMs: 600_000 });
    const key = await at.member('blog');
    const wire = await wireTo(test, at.port);
    let interfaces = 'wlan';
    const watching = {
      everyMs: 10,
      interfaces: () => ({ [interfaces]: [{ address: interfaces, internal: false } as NetworkInterfaceInfo] }),
    };
    const member = gateway(test, at, { identity: key, names: [name], address: wire.address, watching });
    await until(() => member.link.carriers() === 2);
    wire.freeze();
    interfaces = 'ethernet';
    await member.state('lost');
    await until(() => member.link.carriers() === 2);
    // The relay did not see them die: it asks, and gives nobody to those that are silent.
    const served = await Promise.all(Array.from({ length: 6 }, () => visit(at.port, name)));
    deepEqual(new Set(served), new Set([null]));
    await until(() => at.relay.gateways()[0]?.carriers === 2);

    await at.relay.close();
    await until(() => member.states.filter(([state]) => state === 'lost').length >= 5, 30_000);
    const again = await relayAgain(test, at);
    interfaces = 'wlan';
    await until(() => again.gateways()[0]?.carriers === 2, 1_500);
  });

  it('take no earlier word about names for the last one, whichever carrier it came on', async (test) => {
    const at = await world(test);
    const key = await at.member('blog', 'shop');
    const member = gateway(test, at, { identity: key, names: [name] });
    await until(() => member.link.carriers() === 2);
    const all = await Promise.all([
      member.link.register([name, 'shop.example.test']),
      member.link.register(['a.blog.example.test']),
      member.link.register(['shop.example.test']),
    ]);
    deepEqual(
      all.flat().every((answer) => answer.is === 'held'),
      true,
    );
    deepEqual(at.relay.gateways()[0]?.names, ['shop.example.test']);
  });
});
