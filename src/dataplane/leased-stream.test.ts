/** Streams within the bounds of a grant: rooms that are given back, and bytes that keep to a rate. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { it } from 'node:test';
import type { Lease, Pace } from '../contracts/tunnel.ts';
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
