/** How long a gateway waits before it asks its relay again. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redial } from './redial.ts';

const redial = (chance: number, mostMs = 30_000) => {
  const clock = { now: 1_000_000 };
  return { clock, redial: new Redial({ mostMs, now: () => clock.now, chance: () => chance }) };
};
const waits = (of: Redial, count: number): readonly number[] => Array.from({ length: count }, () => of.next());

describe('redialling', () => {
  it('is done at once the first time, and then after waits that double up to half a minute', () => {
    deepEqual(waits(redial(1).redial, 10), [0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('is jittered between a half and the whole, so that a thousand gateways do not come in one moment', () => {
    deepEqual(waits(redial(0).redial, 5), [0, 250, 500, 1_000, 2_000]);
    equal(waits(redial(0.5).redial, 3)[2], 750);
  });

  it('finds a relay that is being restarted within a second, for half a minute', () => {
    const { clock, redial: of } = redial(1);
    ok(of.lost(60_000));
    deepEqual(waits(of, 6), [0, 500, 1_000, 1_000, 1_000, 1_000]);
    clock.now += 30_000;
    deepEqual(waits(of, 2), [16_000, 30_000]);
  });

  it('does not spin at a relay that accepts and hangs up', () => {
    const { redial: of } = redial(1);
    deepEqual(
      Array.from({ length: 5 }, () => {
        equal(of.lost(4_999), false);
        return of.next();
      }),
      [0, 500, 1_000, 2_000, 4_000],
    );
  });

  it('begins anew when something changed, also in the middle of a wait', async () => {
    const { redial: of } = redial(1, 3_600_000);
    waits(of, 12);
    const waiting = of.pause(new AbortController().signal);
    of.wake();
    await waiting;
    equal(of.next(), 0);
  });

  it('ends with its signal', async () => {
    const { redial: of } = redial(1, 3_600_000);
    waits(of, 12);
    const stop = new AbortController();
    const waiting = of.pause(stop.signal);
    stop.abort();
    await waiting;
    await of.pause(stop.signal);
  });
});
