/** UDP through a relay's port: datagrams keep their bounds, flows are told apart and bounded, and the relay is no reflector. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import type { Limits } from '../core/limits.ts';
import { freePort } from '../../test/e2e/free-port.ts';
import { answering, grantPorts, visitorOf } from '../../test/tunnel/ports.ts';
import { addBlock } from '../controlplane/enrolment/blocks.ts';
import { gateway, identityOf, until, world, type Member, type World } from '../../test/tunnel/relay.ts';

type Answer = (datagram: Buffer) => readonly Buffer[];
type Open = Readonly<{ at: World; member: Member; port: number }>;

async function open(test: TestContext, answer: Answer, limits: Partial<Limits> = {}): Promise<Open> {
  const at = await world(test, limits);
  const [key, port] = [await identityOf('raw'), await freePort()];
  await grantPorts(at, key, 'names', { ports: { from: port, to: port } });
  const member = gateway(test, at, { identity: key, names: [`udp/${port}`], serve: answering(answer) });
  await member.state('ready');
  return { at, member, port };
}

const same: Answer = (datagram) => [datagram];

describe('datagrams', () => {
  it('keep their bounds, from none to 65,507 bytes, in both directions', async (test) => {
    const { at, member, port } = await open(test, same);
    const visitor = await visitorOf(test, port);
    for (const length of [1, 0, 1_472, 65_507, 3]) {
      const datagram = Buffer.alloc(length, length % 251);
      visitor.say(datagram);
      deepEqual(await visitor.next(), datagram);
    }
    const [first, ...others] = member.arrivals;
    const { port: own } = visitor.socket.address();
    deepEqual([first?.sni, first?.port, first?.from, others], [`udp/${port}`, port, { ip: '127.0.0.1', port: own }, []]);
    deepEqual(at.faults, []);
  });

  it('of each visitor are a flow of their own', async (test) => {
    const { member, port } = await open(test, same);
    const visitors = await Promise.all(Array.from({ length: 8 }, () => visitorOf(test, port)));
    visitors.forEach(({ say }, index) => say(Buffer.of(index, index)));
    deepEqual(
      await Promise.all(visitors.map(async ({ next }) => [...(await next())])),
      visitors.map((_, index) => [index, index]),
    );
    equal(member.arrivals.length, 8);
  });

  it('end with a silence, which is no fault, and begin anew', async (test) => {
    const { at, member, port } = await open(test, same, { udpIdleMs: 300 });
    const visitor = await visitorOf(test, port);
    visitor.say(Buffer.from('one'));
    await visitor.next();
    await until(() => at.sink.last().length === 1);
    const [event] = at.sink.last();
    deepEqual([event?.host, event?.verdict, event?.code, event?.bytesIn, event?.bytesOut], [`udp/${port}`, 'pass', null, 5, 5]);
    equal(at.relay.visitors(), 0);
    visitor.say(Buffer.from('two'));
    equal((await visitor.next()).toString(), 'two');
    equal(member.arrivals.length, 2);
  });

  it('that nobody reads are dropped, and hold nobody up', async (test) => {
    const at = await world(test, { udpFlowBytesMax: 8_192, streamWindowBytes: 32_768 });
    const [key, port] = [await identityOf('raw'), await freePort()];
    await grantPorts(at, key, 'names', { ports: { from: port, to: port } });
    const echo = answering(same);
    // The first visitor's stream is never read; whoever comes later is served.
    const member = gateway(test, at, {
      identity: key,
      names: [`udp/${port}`],
      serve: (arrival) => void (member.arrivals.length === 1 ? arrival.stream.pause() : echo(arrival)),
    });
    await member.state('ready');
    const [stalled, served] = [await visitorOf(test, port), await visitorOf(test, port)];
    for (let count = 0; count < 500; count += 1) stalled.say(Buffer.alloc(1_400, 1));
    await until(() => member.arrivals.length === 1);
    served.say(Buffer.from('here'));
    equal((await served.next()).toString(), 'here');
    ok(member.arrivals[0]?.stream.readableLength !== undefined && member.arrivals[0].stream.readableLength <= 65_536);
  });
});

describe('reflection and amplification', () => {
  it('a forged sender gets three times what it sent, however often it asks, and whatever it guesses', async (test) => {
    const { at, port } = await open(test, () => Array.from({ length: 50 }, (_, index) => Buffer.from(`${index}`.padEnd(100, '~'))));
    const victim = await visitorOf(test, port);
    // Blindly: the answers are never looked at.
    for (let count = 0; count < 10; count += 1) victim.say(Buffer.from(`question ${count} `.padEnd(60, '.')));
    const flood = await visitorOf(test, port);
    flood.say(Buffer.alloc(200, 1));
    await flood.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const got = victim.got.reduce((sum, { length }) => sum + length, 0);
    ok(got > 0 && got <= 3 * 600, `${got} bytes for 600`);
    deepEqual(at.faults, []);
  });

  it('who repeats what it was told gets more', async (test) => {
    const { port } = await open(test, (datagram) =>
      datagram.includes('C0FFEE42') ? [Buffer.alloc(9_000, 2)] : [Buffer.from('cookie C0FFEE42')],
    );
    const visitor = await visitorOf(test, port);
    visitor.say(Buffer.from('may I have the book?'.padEnd(100)));
    equal((await visitor.next()).toString(), 'cookie C0FFEE42');
    visitor.say(Buffer.from('the book, please: C0FFEE42'));
    equal((await visitor.next()).length, 9_000);
  });
});

describe('a service that was away', () => {
  it('can be proved to when it is back, however often it was asked', async (test) => {
    const { port, member } = await open(test, (datagram) => {
      if (datagram.includes('C0FFEE42')) return [Buffer.alloc(9_000, 2)];
      return datagram.includes('now') ? [Buffer.from('cookie C0FFEE42')] : [];
    });
    const visitor = await visitorOf(test, port);
    for (let count = 0; count < 40; count += 1) visitor.say(randomBytes(100));
    visitor.say(Buffer.from('and now?'));
    equal((await visitor.next()).toString(), 'cookie C0FFEE42');
    visitor.say(Buffer.from('the book, please, for C0FFEE42'));
    equal((await visitor.next()).length, 9_000);
    equal(member.arrivals.length, 1);
  });
});

describe('flow flood', () => {
  it('of one address costs its own oldest flows only, and never a proved one', async (test) => {
    const { at, member, port } = await open(test, (datagram) => [Buffer.from(`known ${datagram.toString()}`.slice(0, 40))], {
      udpFlowsPerAddressMax: 4,
    });
    const proved = await visitorOf(test, port);
    proved.say(Buffer.from('hello to you, service'));
    await proved.next();
    proved.say(Buffer.from('I was told: known hello'));
    await proved.next();
    const other = await visitorOf(test, port, '127.9.9.9');
    other.say(Buffer.from('quiet'));
    await other.next();
    for (let count = 0; count < 12; count += 1) {
      const one = await visitorOf(test, port);
      one.say(Buffer.from('flood'));
      await one.next();
    }
    await until(() => at.relay.streams() === 5);
    deepEqual([member.arrivals[0]?.stream.destroyed, member.arrivals[1]?.stream.destroyed], [false, false]);
    proved.say(Buffer.from('and still here'));
    ok((await proved.next()).length > 0);
  });

  it('of many addresses stays below the bound of the gateway, of all, and of each second', async (test) => {
    const { at, member, port } = await open(test, same, { udpFlowsPerGatewayMax: 6, udpFlowsPerSecondMax: 20 });
    const sockets = await Promise.all(Array.from({ length: 60 }, (_, index) => visitorOf(test, port, `127.1.${index}.1`)));
    for (const { say } of sockets) say(Buffer.from('x'));
    await until(() => member.arrivals.length >= 20);
    await until(() => at.relay.streams() <= 6);
    // Windows of a second may meet: at most two of them.
    ok(member.arrivals.length <= 40, `${member.arrivals.length} flows`);
    ok(at.relay.visitors() <= 6);
  });

  it('of a blocked address begins no flow', async (test) => {
    const { member, port, at } = await open(test, same);
    await addBlock(at.store, { kind: 'address', what: '127.6.6.6', why: 'a test', since: 0 });
    const [bad, good] = [await visitorOf(test, port, '127.6.6.6'), await visitorOf(test, port)];
    bad.say(Buffer.from('bad'));
    good.say(Buffer.from('good'));
    await good.next();
    equal(member.arrivals.length, 1);
    equal(bad.got.length, 0);
  });
});

describe('malformed datagrams of a gateway', () => {
  for (const [what, bytes, ends] of [
    ['one longer than UDP has', Buffer.from('ffe4', 'hex'), false],
    ['one cut off by the end', Buffer.from('000568656c', 'hex'), true],
    ['half a length', Buffer.from('00', 'hex'), true],
  ] as const) {
    it(`${what} ends that flow, and no other`, async (test) => {
      const { at, member, port } = await open(test, same);
      const [bad, good] = [await visitorOf(test, port), await visitorOf(test, port)];
      good.say(Buffer.from('good'));
      await good.next();
      bad.say(Buffer.from('bad'));
      await bad.next();
      const stream = member.arrivals[1]?.stream;
      ok(stream);
      stream.write(bytes);
      if (ends) stream.end();
      await until(() => stream.destroyed);
      good.say(Buffer.from('still'));
      equal((await good.next()).toString(), 'still');
      equal(at.relay.streams(), 1);
      deepEqual(at.faults, []);
    });
  }
});
