/** What a grant's bounds and a block do to streams that run at a relay. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { it, type TestContext } from 'node:test';
import type { MachineIdentity } from '../../src/contracts/tunnel.ts';
import { addBlock, removeBlock } from '../../src/controlplane/enrolment/blocks.ts';
import { unbounded, type Bounds } from '../../src/controlplane/enrolment/bounds.ts';
import { createInvite } from '../../src/controlplane/enrolment/invites.ts';
import { releaseName, transferName } from '../../src/controlplane/enrolment/names.ts';
import { dial, drained, gateway, identityOf, joined, until, visitor, world, type World } from './relay.ts';

async function granted(at: World, name: string, key: MachineIdentity, bounds: Partial<Bounds>): Promise<void> {
  const { code } = await createInvite(at.store, {
    name,
    domain: 'example.test',
    relayAddress: at.address,
    fingerprint: at.identity.fingerprint,
    lifeMs: 60_000,
    bounds: { ...unbounded, ...bounds },
    now: Date.now(),
    randomBytes,
  });
  await joined(code, key, at.limits);
}

async function running(test: TestContext, bounds: Partial<Bounds>, now = Date.now) {
  const at = await world(test, {}, null, undefined, { now });
  const key = await identityOf('bounded');
  await granted(at, 'blog', key, bounds);
  const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
  await member.link.ready;
  const socket = visitor(at.port, 'blog.example.test');
  await once(socket, 'secureConnect');
  return { at, key, member, socket };
}

it('the end of a grant ends its streams', async (test) => {
  // The relay's clock goes from when the visitor stands: how long it took to come is no matter of the grant.
  const begin = Date.now();
  let since: number | null = null;
  const now = (): number => begin + (since === null ? 0 : Date.now() - since);
  const expires = begin + 1_500;
  const { at, member, socket } = await running(test, { expires }, now);
  const lost = member.state('lost');
  since = Date.now();
  await once(socket, 'close');
  ok(now() >= expires);
  await lost;
  const late = visitor(at.port, 'blog.example.test');
  const [error] = (await once(late, 'error')) as [Error];
  ok(error);
});

it('a stream above the bound is turned away, and its room is free again when one has ended', async (test) => {
  const { at, socket } = await running(test, { streams: 1 });
  const second = visitor(at.port, 'blog.example.test');
  const [alert] = (await once(second, 'error')) as [Error];
  ok(/unrecognized name/.test(alert.message), alert.message);
  equal(socket.closed, false, 'who was there stays');
  socket.destroy();
  await until(() => at.relay.gateways()[0]?.streams === 0);
  const third = visitor(at.port, 'blog.example.test');
  await once(third, 'secureConnect');
  third.destroy();
});

it('a name that goes to another key takes no stream of the old one with it', async (test) => {
  const { at, member, socket } = await running(test, {});
  const heir = await identityOf('heir');
  const lost = member.state('lost');
  await transferName(at.store, 'blog', { fingerprint: heir.fingerprint, now: Date.now(), anyKey: false });
  await Promise.all([once(socket, 'close'), lost]);
  const next = gateway(test, at, { identity: heir, names: ['blog.example.test'] });
  await next.link.ready;
  const again = visitor(at.port, 'blog.example.test');
  await once(again, 'secureConnect');
  await until(() => next.arrivals.length === 1);
  again.destroy();
  await releaseName(at.store, 'blog', { now: Date.now(), anyKey: false });
  equal((await next.state('lost')) === undefined, false);
});

it('a blocked address is refused before anything is read, and cut where it was in', async (test) => {
  const { at, socket } = await running(test, {});
  const block = { kind: 'address', what: '127.0.0.0/8' } as const;
  await addBlock(at.store, { ...block, why: 'floods', since: 0 });
  await once(socket, 'close');
  equal((await drained(dial(at.port))).length, 0);
  await until(() => at.relay.gateways().length === 0);
  await removeBlock(at.store, block);
  await until(() => at.relay.gateways()[0]?.names.length === 1);
  const again = visitor(at.port, 'blog.example.test');
  await once(again, 'secureConnect');
  again.destroy();
});

it('a visitor above the bound of a day is turned away, whoever was there comes again, and the owner is told once (phishing behind a tunnel)', async (test) => {
  const { at, member, socket } = await running(test, { visitorsPerDay: 1 });
  const told = member.state('ready');
  const { port } = at;
  const turnedAway = async (): Promise<void> => {
    const stranger = visitor(port, 'blog.example.test', { localAddress: '127.0.0.2' });
    const [alert] = (await once(stranger, 'error')) as [Error];
    ok(/unrecognized name/.test(alert.message), alert.message);
  };
  await turnedAway();
  equal((await told)?.code, 'visitors-exceeded');
  await turnedAway();
  const again = visitor(port, 'blog.example.test');
  await once(again, 'secureConnect');
  deepEqual(at.relay.visitorCounts(), [{ name: 'blog', today: 1, refused: 2 }]);
  equal(member.states.filter(([, code]) => code === 'visitors-exceeded').length, 1);
  again.destroy();
  socket.destroy();
});
