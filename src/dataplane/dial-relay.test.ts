/** The gateway's link to a relay: it pins, it comes again, and it believes a hostile relay nothing. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import { defaults } from '../core/limits.ts';
import { createMemorySink } from '../modules/sinks/memory.ts';
import { startRelay } from '../relay.ts';
import { gateway, identityOf, until, visitor, world } from '../../test/tunnel/relay.ts';
import type { World } from '../../test/tunnel/relay.ts';
import { Carrier } from './carrier.ts';
import { carrierTls } from './greeting.ts';
import { join } from './join-relay.ts';

async function listening(test: TestContext, server: Server | tls.Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A relay that accepts everybody, and then does what the test says. */
async function hostileRelay(
  test: TestContext,
  identity: MachineIdentity,
  act: (carrier: Carrier, socket: tls.TLSSocket) => void,
  accepted: unknown = { domain: 'x', grants: ['*'], window: 65_536, features: [] },
): Promise<string> {
  const server = tls.createServer({ ...carrierTls, key: identity.privateKey, cert: identity.certificate, requestCert: true });
  server.on('secureConnection', (socket) => {
    test.after(() => socket.destroy());
    const carrier: Carrier = new Carrier({
      socket,
      side: 'relay',
      limits: defaults,
      taker: {
        message: (type, value) => {
          if (type === 'hello') {
            carrier.message('accepted', accepted);
            carrier.begin({ window: 65_536, streams: 1_000 });
          } else if (typeof value === 'object' && value !== null && 'ask' in value && 'names' in value && Array.isArray(value.names)) {
            carrier.message('names', { ask: value.ask, answers: value.names.map((name: unknown) => ({ name, is: 'held' })) });
            act(carrier, socket);
          }
        },
        open: () => undefined,
        goaway: () => undefined,
        end: () => undefined,
      },
    });
  });
  return listening(test, server);
}

const nowhere = { address: '127.0.0.1:9', relay: null } as unknown as World;
const withLimits = (at: World): World => ({ ...at, limits: { ...defaults, handshakeMs: 500, redialMs: 200, carriersPerRelay: 1 } });

describe('a link to a relay', () => {
  it('says that nobody listens there', async (test) => {
    const server = createServer();
    const address = await listening(test, server);
    server.close();
    const member = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address,
      fingerprint: '0'.repeat(64),
    });
    equal((await member.state('lost'))?.code, 'relay-unreachable');
  });

  it('says that what listens there is no relay, in time', async (test) => {
    const address = await listening(
      test,
      createServer((socket) => void socket.on('error', () => undefined)),
    );
    const member = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address,
      fingerprint: '0'.repeat(64),
    });
    equal((await member.state('lost'))?.code, 'relay-unreachable');
  });

  it('says nothing to a relay of another key', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const before = at.ends.length;
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'], fingerprint: 'a'.repeat(64) });
    equal((await member.state('lost'))?.code, 'relay-untrusted');
    await until(() => at.ends.length > before);
    equal(at.ends.at(-1)?.code, 'carrier-broken', 'the relay heard no frame');
  });

  it('comes again by itself after the relay was restarted, with its names', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await member.link.ready;
    await at.relay.close();
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
    await member.state('ready');
    const socket = visitor(at.port, 'blog.example.test');
    socket.write('x');
    await once(socket, 'data');
    socket.destroy();
  });

  it('is ready with the names that it got, and says which it did not', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test', 'shop.example.test'] });
    equal((await member.state('ready'))?.code, 'name-refused');
    deepEqual(at.relay.gateways()[0]?.names, ['blog.example.test']);
    deepEqual(member.link.grants(), ['blog.example.test', '*.blog.example.test']);
  });

  it('is dead within a second of being closed', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await member.link.ready;
    const start = performance.now();
    await member.link.close();
    await until(() => at.relay.gateways().length === 0);
    ok(performance.now() - start < 1_000);
  });

  it('fails a registration whose carrier is lost', async (test) => {
    const relay = await identityOf('relay');
    let asked = 0;
    const address = await hostileRelay(test, relay, (_carrier, socket) => {
      asked += 1;
      if (asked === 2) socket.destroy();
    });
    const member = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address,
      fingerprint: relay.fingerprint,
    });
    await member.link.ready;
    await member.link.register(['b.localhost']).then(
      () => undefined,
      (error: unknown) => equal((error as { code: string }).code, 'relay-unreachable'),
    );
  });
});

describe('request to internal control', () => {
  const opening = { id: 'x', ip: '192.0.2.1', visitorPort: 1, listenerPort: 443, sni: 'a.localhost', alpn: [] };

  it('request to internal control: gives a relay no word for a target: an open holds names and addresses of the visitor only', async (test) => {
    const relay = await identityOf('relay');
    const address = await hostileRelay(test, relay, (carrier) => void carrier.open({ ...opening, alpn: ['h2'] })?.write('hello'));
    const member = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address,
      fingerprint: relay.fingerprint,
      serve: (arrival) => void arrival.stream.resume(),
    });
    await until(() => member.arrivals.length === 1);
    deepEqual(Object.keys(member.arrivals[0] ?? {}).toSorted(), ['alpn', 'from', 'id', 'port', 'sni', 'stream']);
  });

  it('resets what has no single spelling, and goes on', async (test) => {
    const relay = await identityOf('relay');
    const resets: string[] = [];
    const address = await hostileRelay(test, relay, (carrier) => {
      for (const bad of [
        { ip: '127.0.0.1 ' },
        { ip: '1.2.3' },
        { ip: '::ffff:127.0.0.1%eth0' },
        { sni: 'A.localhost' },
        { sni: 'a.localhost.' },
        { sni: '[::1]' },
      ]) {
        const { ip = opening.ip, sni = opening.sni } = bad as { ip?: string; sni?: string };
        if (/[^\x21-\x7e]/.test(ip)) continue; // that one ends the carrier, see the mux’s own tests
        carrier.open({ ...opening, ip, sni })?.on('error', (error: Error & { code: string }) => resets.push(error.code));
      }
      carrier.open(opening);
    });
    const member = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address,
      fingerprint: relay.fingerprint,
      serve: (arrival) => void arrival.stream.resume(),
    });
    await until(() => member.arrivals.length >= 1 && resets.length >= 4);
    ok(resets.every((code) => code === 'frame-malformed'));
    ok(member.arrivals.every((arrival) => arrival.sni === 'a.localhost' || arrival.sni === '[::1]'));
  });

  it('bears 10,000 opens with bounded streams', async (test) => {
    const relay = await identityOf('relay');
    const address = await hostileRelay(test, relay, (_carrier, socket) => {
      const payload = Buffer.from([1, 120, 9, ...Buffer.from('192.0.2.1'), 0, 0, 1, 1, 187, 0]);
      const frames: Buffer[] = [];
      for (let id = 1; id < 20_000; id += 2)
        frames.push(Buffer.from([1, 0x10, 0, 0, 0, 0, id >> 8, id & 255, 0, 0, 0, payload.length]), payload);
      socket.write(Buffer.concat(frames));
    });
    const member = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address,
      fingerprint: relay.fingerprint,
      serve: (arrival) => void arrival.stream.resume(),
    });
    await member.state('lost');
    ok(member.arrivals.length <= defaults.carrierStreamsMax);
    await until(() => member.arrivals.every((arrival) => arrival.stream.destroyed));
  });

  it('leaves a relay that answers what nobody asked, or greets in another shape', async (test) => {
    const relay = await identityOf('relay');
    const liar = await hostileRelay(test, relay, (carrier) => carrier.message('names', { ask: 77, answers: [] }));
    const member = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address: liar,
      fingerprint: relay.fingerprint,
    });
    equal((await member.state('lost'))?.code, 'relay-untrusted');
    const odd = await hostileRelay(test, relay, () => undefined, { domain: 'x', grants: [], window: 0, features: [] });
    const other = gateway(test, withLimits(nowhere), {
      identity: await identityOf('one'),
      names: ['a.localhost'],
      address: odd,
      fingerprint: relay.fingerprint,
    });
    equal((await other.state('lost'))?.code, 'relay-unreachable');
  });

  it('log injection: takes no name of a relay that is none, and none for a terminal', async (test) => {
    const relay = await identityOf('relay');
    for (const change of [
      { grants: ['\u001b[2Jblog.example.test'] },
      { grants: ['Blog.example.test'] },
      { domain: 'x\r\ny' },
      { grants: ['*.*.x'] },
    ]) {
      const accepted = { domain: 'example.test', grants: ['blog.example.test'], window: 65_536, features: [], ...change };
      const member = gateway(test, withLimits(nowhere), {
        identity: await identityOf('one'),
        names: ['a.localhost'],
        address: await hostileRelay(test, relay, () => undefined, accepted),
        fingerprint: relay.fingerprint,
      });
      equal((await member.state('lost'))?.code, 'relay-unreachable');
    }
  });

  it('object authz: joins for the invited name, and takes no grant of names that the invitation does not speak of', async (test) => {
    const relay = await identityOf('relay');
    const invited = async (grants: readonly string[]) => {
      const relayAddress = await hostileRelay(test, relay, () => undefined, {
        domain: 'example.test',
        grants,
        window: 65_536,
        features: [],
      });
      const invite = { relayAddress, fingerprint: relay.fingerprint, name: 'blog.example.test', secret: 'x'.repeat(22) };
      return join({
        invite,
        identity: await identityOf('one'),
        limits: defaults,
        signal: new AbortController().signal,
        instance: '0'.repeat(32),
      });
    };
    const { grants } = await invited([
      'www.bank.example',
      'localhost',
      '*',
      'blog.example.test',
      '*.blog.example.test',
      'shop.example.test',
    ]);
    deepEqual(grants, ['blog.example.test', '*.blog.example.test', 'shop.example.test']);
    await rejects(invited(['www.bank.example']), { code: 'relay-untrusted' });
  });
});
