/** Keys that change: the relay's, announced before it is used, and a gateway's, signed by both. */

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import { addBlock } from '../controlplane/enrolment/blocks.ts';
import { revokeGateway } from '../controlplane/enrolment/names.ts';
import { fault, SallyportError } from '../core/errors.ts';
import type { Code } from '../core/errors.ts';
import { gateway, identityOf, until, world, type World } from '../../test/tunnel/relay.ts';
import { dialRelay } from './dial-relay.ts';
import { reachRelay } from './reach-relay.ts';
import { RelayPins, type RelayKeys } from './relay-pins.ts';

const has = (code: Code) => (error: unknown) => error instanceof SallyportError && error.code === code;

async function reach(at: World, keys: Readonly<{ identity: MachineIdentity; renewal?: MachineIdentity }>) {
  const { carrier, accepted, fingerprint } = await reachRelay({
    ...keys,
    address: at.address,
    fingerprint: at.relay.fingerprint,
    instance: randomBytes(16).toString('hex'),
    invite: null,
    limits: at.limits,
    signal: new AbortController().signal,
    open: (stream) => stream.destroy(),
    message: () => undefined,
    goaway: () => undefined,
    end: () => undefined,
  });
  carrier.close(fault('interrupted', 'looked'));
  return { accepted, fingerprint };
}

describe('a gateway’s new key', () => {
  it('gets all that the old one had, and the old one is cut and refused (a revoked key that goes on)', async (test) => {
    const at = await world(test);
    const old = await at.member('blog', 'shop');
    const member = gateway(test, at, { identity: old, names: ['blog.example.test'] });
    await member.link.ready;
    const lost = member.state('lost');
    const next = await identityOf('next');
    const { accepted } = await reach(at, { identity: old, renewal: next });
    deepEqual(accepted.grants.toSorted(), ['*.blog.example.test', '*.shop.example.test', 'blog.example.test', 'shop.example.test']);
    await lost;
    await rejects(reach(at, { identity: old }), has('relay-refused'));
    deepEqual((await reach(at, { identity: next })).accepted.grants, accepted.grants);
    // Said again, because the answer was lost: nothing is worse.
    await reach(at, { identity: old, renewal: next });
    await rejects(reach(at, { identity: old, renewal: await identityOf('third') }), has('relay-refused'));
  });

  it('is believed only when it has signed for this channel and this old key', async (test) => {
    const at = await world(test);
    const old = await at.member('blog');
    const [mine, theirs] = [await identityOf('mine'), await identityOf('theirs')];
    // The key of somebody else, signed by one's own.
    await rejects(reach(at, { identity: old, renewal: { ...mine, certificate: theirs.certificate } }), has('relay-refused'));
    deepEqual((await reach(at, { identity: old })).accepted.grants, ['blog.example.test', '*.blog.example.test']);
  });

  it('does not lead out of a block or a revocation', async (test) => {
    const at = await world(test);
    const old = await at.member('blog');
    const next = await identityOf('next');
    await addBlock(at.store, { kind: 'gateway', what: old.fingerprint, why: 'stolen', since: 0 });
    await rejects(reach(at, { identity: old, renewal: next }), has('relay-blocked'));
    await at.store.records.delete(`blocks/gateway/${old.fingerprint}`);
    await revokeGateway(at.store, old.fingerprint, Date.now());
    await rejects(reach(at, { identity: old, renewal: next }), has('relay-refused'));
    await rejects(reach(at, { identity: next }), has('relay-refused'));
  });
});

describe('the relay’s new key', () => {
  it('is announced to who stands and who comes, and good for both once it is used', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const next = await identityOf('relay to come');
    const heard: RelayKeys[] = [];
    const states: string[] = [];
    const stop = new AbortController();
    const link = dialRelay({
      address: at.address,
      fingerprint: at.identity.fingerprint,
      identity: key,
      names: ['blog.example.test'],
      limits: at.limits,
      onArrival: ({ stream }) => stream.destroy(),
      onState: (state) => void states.push(state),
      onKeys: (keys) => void heard.push(keys),
      signal: stop.signal,
    });
    test.after(() => link.close());
    await link.ready;
    const before = at.identity;
    at.relay.useKeys(before, next.fingerprint);
    await until(() => heard.length === 1);
    deepEqual(heard, [{ fingerprint: before.fingerprint, next: next.fingerprint }]);
    equal((await reach(at, { identity: key })).accepted.next, next.fingerprint);
    at.relay.useKeys(next, null);
    await until(() => heard.length === 2 && at.relay.gateways()[0]?.names.length === 1);
    deepEqual(heard[1], { fingerprint: next.fingerprint, next: null });
    equal(at.relay.fingerprint, next.fingerprint);
    equal(states.includes('lost'), false, 'nobody was without a relay');
  });

  it('is refused by whoever never heard of it', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const before = at.identity.fingerprint;
    at.relay.useKeys(await identityOf('another'), null);
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'], fingerprint: before });
    equal((await member.state('lost'))?.code, 'relay-untrusted');
  });
});

it('pins go forward only: a key that was left is worth nothing, whatever a slow carrier of it says', async () => {
  const changes: RelayKeys[] = [];
  const own = await identityOf('own');
  let attempt = 1;
  const pins = new RelayPins({ fingerprint: 'a', nextFingerprint: 'b', identity: own, onKeys: (keys) => void changes.push(keys) });
  const learn = (fingerprint: string, next?: string): void => {
    const accepted = { domain: 'example.test', grants: [], window: 1, features: [], ...(next === undefined ? {} : { next }) };
    pins.learn({ fingerprint, accepted } as unknown as Parameters<RelayPins['learn']>[0], attempt++);
  };
  learn('a', 'b');
  learn('b');
  learn('a', 'b');
  learn('a', 'c');
  deepEqual(changes, [{ fingerprint: 'b', next: null }]);
  deepEqual((await pins.now()).keys, { identity: own, fingerprint: 'b', nextFingerprint: null });
});
