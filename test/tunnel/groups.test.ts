/** Gateways that share a name: one serves and the others stand by, or all serve who have one store. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import type { MachineIdentity } from '../../src/contracts/tunnel.ts';
import { createInvite, type InviteOptions } from '../../src/controlplane/enrolment/invites.ts';
import { revokeGateway } from '../../src/controlplane/enrolment/names.ts';
import type { Limits } from '../../src/core/limits.ts';
import { gateway, identityOf, joined, until, visitor, world, type Member, type World } from './relay.ts';
import { visit, visits, wireTo } from './visits.ts';

const name = 'blog.example.test';

async function invited(at: World, key: MachineIdentity, share: NonNullable<InviteOptions['share']>): Promise<void> {
  const { code } = await createInvite(at.store, {
    name: 'blog',
    domain: 'example.test',
    relayAddress: at.address,
    fingerprint: at.identity.fingerprint,
    lifeMs: 60_000,
    share,
    now: Date.now(),
    randomBytes,
  });
  await joined(code, key, at.limits);
}

type Group = Readonly<{
  at: World;
  keys: readonly [MachineIdentity, MachineIdentity];
  come: (key: MachineIdentity, more?: object) => Member;
}>;

async function group(test: TestContext, share: NonNullable<InviteOptions['share']>, limits: Partial<Limits> = {}): Promise<Group> {
  const at = await world(test, limits);
  const keys = [await identityOf('first'), await identityOf('second')] as const;
  for (const key of keys) await invited(at, key, share);
  return { at, keys, come: (identity, more = {}) => gateway(test, at, { identity, names: [name], ...more }) };
}

/** Where a visitor comes out. */
async function servedBy(at: World, members: readonly Member[]): Promise<number> {
  const before = members.map(({ arrivals }) => arrivals.length);
  equal(await visit(at.port, name), null);
  return members.findIndex(({ arrivals }, index) => arrivals.length > (before[index] ?? 0));
}

describe('a gateway that stands by', () => {
  it('gets nobody while the other serves, everybody as soon as it goes, under load and without a failure, and keeps the name when it is back', async (test) => {
    const { at, keys, come } = await group(test, 'standby');
    const first = come(keys[0]);
    await first.link.ready;
    const second = come(keys[1]);
    equal((await second.state('ready'))?.code, 'name-standby');
    equal(await servedBy(at, [first, second]), 0);
    deepEqual(
      at.relay.gateways().map(({ standsBy }) => standsBy),
      [[], [name]],
    );
    const load = visits(test, at.port, name, 10);
    await until(() => load.tally.whole > 50);
    const active = second.state('ready');
    await first.link.close();
    equal(await active, undefined, 'it is told that it serves now');
    const again = come(keys[0]);
    equal((await again.state('ready'))?.code, 'name-standby', 'no visitor changes its gateway twice');
    const whole = load.tally.whole;
    await until(() => load.tally.whole > whole + 50);
    await load.end();
    deepEqual(load.tally.failed, []);
    equal(await servedBy(at, [again, second]), 1);
  });

  it('takes over from one that is frozen, within the time that a visitor is held', async (test) => {
    const { at, keys, come } = await group(test, 'standby', { carrierProbeMs: 1_000 });
    const wire = await wireTo(test, at.port);
    const first = come(keys[0], { address: wire.address });
    await first.link.ready;
    const second = come(keys[1]);
    await second.link.ready;
    // A stream that runs keeps the carriers of the frozen one for a while: nobody new is given to them.
    const running = visitor(at.port, name);
    await once(running, 'secureConnect');
    wire.freeze();
    const start = performance.now();
    deepEqual(await Promise.all(Array.from({ length: 5 }, () => visit(at.port, name))), [null, null, null, null, null]);
    const took = performance.now() - start;
    test.diagnostic(`${Math.round(took)} ms until the standby had answered`);
    ok(took < at.limits.visitorHoldMs);
    ok(second.arrivals.length >= 5);
    running.destroy();
  });

  it('takes over from one that is cut off without a word, though its streams may come back', async (test) => {
    const { at, keys, come } = await group(test, 'standby', { resumeMs: 500 });
    const wire = await wireTo(test, at.port);
    const first = come(keys[0], { address: wire.address });
    await first.link.ready;
    const second = come(keys[1]);
    await second.link.ready;
    const running = visitor(at.port, name);
    running.write('x');
    await once(running, 'data');
    const active = second.state('ready');
    wire.close();
    deepEqual(await Promise.all(Array.from({ length: 5 }, () => visit(at.port, name))), [null, null, null, null, null]);
    equal(second.arrivals.length, 5);
    equal(await active, undefined, 'and it is told when the other one is gone for good');
    running.destroy();
  });

  it('can be another process with the same key', async (test) => {
    const { at, keys, come } = await group(test, 'standby');
    const [one, two] = [come(keys[0]), come(keys[0])];
    await Promise.all([one.link.ready, two.link.ready]);
    const served = await servedBy(at, [one, two]);
    await (served === 0 ? one : two).link.close();
    equal(await servedBy(at, [one, two]), 1 - served);
  });

  it('owns the name alone when the other key is revoked, and is cut itself when it is revoked', async (test) => {
    const { at, keys, come } = await group(test, 'standby');
    const first = come(keys[0]);
    await first.link.ready;
    const second = come(keys[1]);
    await second.link.ready;
    const lost = first.state('lost');
    await revokeGateway(at.store, keys[0].fingerprint, Date.now());
    await lost;
    equal(await servedBy(at, [first, second]), 1);
    const gone = second.state('lost');
    await revokeGateway(at.store, keys[1].fingerprint, Date.now());
    await gone;
    ok((await visit(at.port, name)) !== null);
  });
});

describe('a name that is spread', () => {
  it('is served by all gateways with one store, and each by its share', async (test) => {
    const { at, keys, come } = await group(test, 'spread');
    const members = keys.map((key) => come(key, { storeId: 'one' }));
    await Promise.all(members.map(({ link }) => link.ready));
    const sockets = Array.from({ length: 8 }, () => visitor(at.port, name));
    await Promise.all(sockets.map((socket) => once(socket, 'secureConnect')));
    deepEqual(
      members.map(({ arrivals }) => arrivals.length),
      [4, 4],
    );
    for (const socket of sockets) {
      socket.write('x');
      await once(socket, 'data');
      socket.destroy();
    }
    await until(() => at.relay.streams() === 0);
    const turns = [await servedBy(at, members), await servedBy(at, members), await servedBy(at, members), await servedBy(at, members)];
    deepEqual(
      turns.toSorted((one, next) => one - next),
      [0, 0, 1, 1],
      'who come one after the other are spread, too',
    );
    await members[0]?.link.close();
    equal(await servedBy(at, members), 1);
  });

  it('refuses a gateway with another store, or with none that it shows, and says why', async (test) => {
    const { at, keys, come } = await group(test, 'spread');
    const first = come(keys[0], { storeId: 'one' });
    await first.link.ready;
    for (const storeId of ['two', undefined]) {
      const other = come(keys[1], { storeId });
      const lost = await other.state('lost');
      equal(lost?.code, 'store-unshared');
      await other.link.close();
    }
    equal(await servedBy(at, [first]), 0);
  });
});

it('a name that is nobody’s to share is refused to a second gateway, whatever it offers (name takeover)', async (test) => {
  const at = await world(test);
  const key = await at.member('blog');
  const first = gateway(test, at, { identity: key, names: [name], storeId: 'one' });
  await first.link.ready;
  await first.link.close();
  const both = [1, 2].map(() => gateway(test, at, { identity: key, names: [name], storeId: 'one' }));
  await Promise.race(both.map(({ link }) => link.ready));
  await until(() => both.some(({ states }) => states.some(([, code]) => code === 'name-taken')));
  equal(at.relay.gateways().filter(({ names }) => names.includes(name)).length, 1, 'of two that come at once one has it');
  const twin = gateway(test, at, { identity: key, names: [name], storeId: 'one' });
  equal((await twin.state('lost'))?.code, 'name-taken');
  const stranger = gateway(test, at, { identity: await at.member('shop'), names: [name], storeId: 'one' });
  equal((await stranger.state('lost'))?.code, 'name-refused');
  ok((await servedBy(at, [...both, twin, stranger])) < 2);
});
