/** Streams within the bounds of a grant: rooms that are given back, and bytes that keep to a rate. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { it } from 'node:test';
import type { Lease, Pace } from '../contracts/tunnel.ts';
import { unbounded } from '../controlplane/enrolment/bounds.ts';
import { createInvite } from '../controlplane/enrolment/invites.ts';
import { gateway, identityOf, joined, visitor, world } from '../../test/tunnel/relay.ts';
import { leased } from './leased-stream.ts';

/** A rate whose clock is the timers' own: each chunk waits a millisecond. */
function slow(): Pace & { spent: number } {
  return {
    spent: 0,
    spend(bytes) {
      this.spent += bytes;
      return 1;
    },
  };
}

function lease(pace: Pace | null): Readonly<{ lease: Lease; left: () => number }> {
  let count = 0;
  return { lease: { pace, leave: () => void (count += 1) }, left: () => count };
}

async function whole(stream: Duplex): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

it('opens nothing without room, and gives the room back when nothing was opened or what was opened has closed', async () => {
  equal(
    leased(null, () => {
      throw new Error('opened');
    }),
    null,
  );
  const none = lease(null);
  equal(
    leased(none.lease, () => null),
    null,
  );
  equal(none.left(), 1);
  const some = lease(null);
  const [near] = duplexPair();
  equal(
    leased(some.lease, () => near),
    near,
    'no wrapping without a rate',
  );
  equal(some.left(), 0);
  near.destroy();
  await once(near, 'close');
  equal(some.left(), 1);
});

it('passes all bytes whole, both ways, and their ends, and books each of them', async () => {
  const pace = slow();
  const { lease: one, left } = lease(pace);
  const [near, far] = duplexPair();
  const stream = leased(one, () => near);
  ok(stream !== null);
  const up = Buffer.alloc(300_000, 'up');
  const down = Buffer.alloc(200_000, 'down');
  const [heard, said] = [whole(far), whole(stream)];
  stream.end(up);
  far.end(down);
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  deepEqual([await heard, await said], [digest(up), digest(down)]);
  equal(pace.spent, up.length + down.length);
  if (!stream.destroyed) await once(stream, 'close');
  equal(left(), 1);
});

it('ends with either side, and holds nothing that waits', async () => {
  const never: Pace = { spend: () => 60_000 };
  for (const side of ['outer', 'inner'] as const) {
    const { lease: one, left } = lease(never);
    const [near, far] = duplexPair();
    const stream = leased(one, () => near);
    ok(stream !== null);
    stream.resume();
    far.write('x');
    stream.write('y');
    await new Promise((resolve) => void setImmediate(resolve));
    const closed = [once(stream, 'close'), once(near, 'close')];
    (side === 'outer' ? stream : near).destroy();
    await Promise.all(closed);
    equal(left(), 1, side);
  }
});

it('holds at a relay: what a grant’s visitors send and get keeps to its rate, and is whole', async (test) => {
  const at = await world(test);
  const key = await identityOf('paced');
  const bytesPerSecond = 200_000;
  const made = await createInvite(at.store, {
    name: 'slow',
    domain: 'example.test',
    relayAddress: at.address,
    fingerprint: at.identity.fingerprint,
    lifeMs: 60_000,
    bounds: { ...unbounded, bytesPerSecond },
    now: Date.now(),
    randomBytes,
  });
  await joined(made.code, key, at.limits);
  const member = gateway(test, at, { identity: key, names: ['slow.example.test'] });
  await member.link.ready;
  const socket = visitor(at.port, 'slow.example.test');
  await once(socket, 'secureConnect');
  const sent = randomBytes(120_000);
  const begun = performance.now();
  socket.write(sent);
  const heard: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    heard.push(chunk);
    length += chunk.length;
    if (length >= sent.length) break;
  }
  const tookMs = performance.now() - begun;
  equal(Buffer.concat(heard).equals(sent), true);
  // There and back again, less what may come at once after a silence.
  const leastMs = ((2 * sent.length) / bytesPerSecond) * 1_000 - 250;
  ok(tookMs >= leastMs * 0.95, `${tookMs} ms, at least ${leastMs}`);
  test.diagnostic(`${Math.round((2 * sent.length) / (tookMs / 1_000))} bytes/s where ${bytesPerSecond} are granted`);
});
