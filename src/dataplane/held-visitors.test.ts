/** Visitors of a name whose gateway is away for a moment: served when it is back, let go when they leave, and bounded. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { MachineIdentity, Visitor } from '../contracts/tunnel.ts';
import type { Limits } from '../core/limits.ts';
import { defaults } from '../core/limits.ts';
import { startRelay } from '../relay.ts';
import { dial, gateway, until, visitor, world } from '../../test/tunnel/relay.ts';
import type { World } from '../../test/tunnel/relay.ts';
import { HeldVisitors } from './held-visitors.ts';
import { KnownNames } from './known-names.ts';

const name = 'blog.example.test';

/** A relay whose gateway was here a moment ago. */
async function away(test: TestContext, changes: Partial<Limits> = {}): Promise<Readonly<{ at: World; key: MachineIdentity }>> {
  const at = await world(test, changes);
  const key = await at.member('blog');
  const member = gateway(test, at, { identity: key, names: [name] });
  await member.link.ready;
  await member.link.close();
  await until(() => at.relay.gateways().length === 0);
  return { at, key };
}

const refusals = (at: World): number => at.sink.last().filter(({ code }) => code === 'name-unknown').length;

describe('a visitor whose gateway is away', () => {
  it('is served when it is back after two seconds', async (test) => {
    const { at, key } = await away(test);
    const socket = visitor(at.port, name);
    const start = performance.now();
    socket.write('hello');
    await wait(2_000);
    gateway(test, at, { identity: key, names: [name] });
    const [echoed] = (await once(socket, 'data')) as [Buffer];
    equal(echoed.toString(), 'hello');
    test.diagnostic(`served ${Math.round(performance.now() - start)} ms after it came`);
    socket.destroy();
  });

  it('is served when the gateway holds its name by a wildcard only', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const names = ['*.blog.example.test'];
    const member = gateway(test, at, { identity: key, names });
    await member.link.ready;
    await member.link.close();
    await until(() => at.relay.gateways().length === 0);
    const socket = visitor(at.port, 'shop.blog.example.test');
    socket.write('hello');
    gateway(test, at, { identity: key, names });
    await once(socket, 'data');
    socket.destroy();
  });

  it('is served when the relay was restarted, and its gateway comes after it', async (test) => {
    const { at, key } = await away(test);
    await at.relay.close();
    const again = await startRelay({
      identity: at.identity,
      store: at.store,
      listen: [{ host: '127.0.0.1', port: at.port }],
      domain: 'example.test',
      limits: at.limits,
      audit: at.sink,
      now: Date.now,
      owner: null,
      onFault: () => undefined,
    });
    test.after(() => again.close());
    const socket = visitor(at.port, name);
    socket.write('hello');
    await once(socket, 'connect');
    gateway(test, at, { identity: key, names: [name] });
    await once(socket, 'data');
    socket.destroy();
  });

  it('is refused when its time is up', async (test) => {
    const { at } = await away(test, { visitorHoldMs: 200 });
    const start = performance.now();
    const socket = visitor(at.port, name);
    const [error] = (await once(socket, 'error')) as [Error];
    ok(/unrecognized name/.test(error.message), error.message);
    ok(performance.now() - start >= 190);
    equal(refusals(at), 1);
  });

  it('opens nothing when it has left meanwhile, by an end or by a reset', async (test) => {
    const { at, key } = await away(test);
    const gone = (): number => at.sink.last().filter(({ code }) => code === 'visitor-gone').length;
    for (const [index, leave] of [(line: Socket) => line.end(), (line: Socket) => line.resetAndDestroy()].entries()) {
      // Who leaves before the hello was read leaves no line: on a busy machine that takes longer.
      for (let patienceMs = 20; gone() === index; patienceMs *= 2) {
        const line = dial(at.port);
        visitor(at.port, name, { socket: line });
        await once(line, 'connect');
        await wait(patienceMs);
        leave(line);
        await until(() => gone() > index, 500).catch(() => undefined);
        line.destroy();
      }
    }
    const last = visitor(at.port, name);
    const member = gateway(test, at, { identity: key, names: [name] });
    last.write('still here');
    await once(last, 'data');
    equal(member.arrivals.length, 1);
    last.destroy();
    deepEqual(at.faults, []);
  });

  it('is not held for a name that was never here, nor for one whose grant was taken back', async (test) => {
    const { at } = await away(test, { visitorHoldMs: 60_000 });
    const other = visitor(at.port, 'shop.example.test');
    await once(other, 'error');
    await at.store.records.delete('names/blog');
    await until(() => at.sink.last().length === 1);
    const socket = visitor(at.port, name);
    await once(socket, 'error');
    ok(at.sink.last().every(({ code }) => code === 'route-missing'));
  });
});

describe('resource exhaustion before authentication', () => {
  it('resource exhaustion before authentication: holds so many visitors of one address and in total, and lets the others go at once', async (test) => {
    const { at, key } = await away(test, { visitorsHeldMax: 6, visitorsHeldPerAddressMax: 4, visitorHoldMs: 60_000 });
    const from = (localAddress: string, count: number) =>
      Array.from({ length: count }, () => visitor(at.port, name, { localAddress } as Parameters<typeof visitor>[2]));
    const flood = from('127.0.0.9', 20);
    await until(() => refusals(at) === 16);
    const others = from('127.0.0.10', 10);
    await until(() => refusals(at) === 24);
    const all = [...flood, ...others];
    await until(() => all.filter((socket) => socket.destroyed).length === 24);
    const member = gateway(test, at, { identity: key, names: [name] });
    await until(() => member.arrivals.length === 6);
    for (const socket of all) socket.destroy();
    // Nothing of them is counted any more: the next ones are held again.
    await member.link.close();
    await until(() => at.relay.gateways().length === 0);
    const next = from('127.0.0.9', 4);
    const again = gateway(test, at, { identity: key, names: [name] });
    await until(() => again.arrivals.length === 4);
    for (const socket of next) socket.destroy();
  });

  it('resource exhaustion before authentication: bounds the bytes that are kept for held visitors', () => {
    const held = new HeldVisitors({ ...defaults, visitorsHeldBytesMax: 10_000 }, () => undefined);
    const hold = (ip: string, keptBytes: number): Promise<unknown> | null =>
      held.hold(from(ip), { signal: new AbortController().signal, keptBytes });
    ok(hold('192.0.2.1', 6_000));
    equal(hold('192.0.2.2', 6_000), null);
    ok(hold('192.0.2.3', 4_000));
    equal(held.size, 2);
    held.close();
    equal(held.size, 0);
    ok(hold('192.0.2.2', 10_000));
    held.close();
  });

  it('resource exhaustion before authentication: remembers so many names that were lost, for so long', () => {
    let now = 0;
    const names = new KnownNames({ namesRememberedMax: 3, nameRememberedMs: 1_000 }, () => now);
    const owns = (): boolean => true;
    for (const label of ['a', 'b', 'c', 'd']) names.remember(`${label}.x`, 'key');
    deepEqual(
      ['a.x', 'b.x', 'd.x'].map((one) => names.has(one, owns)),
      [false, true, true],
    );
    now = 1_000;
    equal(names.has('d.x', owns), false);
  });
});

const from = (ip: string): Visitor => ({ id: 'x', from: { ip, port: 1 }, port: 443, sni: name, alpn: [] });
