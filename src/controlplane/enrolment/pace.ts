/** Bytes per second, shared by all streams of a grant. */

import type { Pace } from '../../contracts/tunnel.ts';

/** What may pass at once after a silence: a page comes at full speed, a download at the rate. */
const burstMs = 250;

/**
 * Who books waits until all that was booked before has passed: nobody is refused, and nobody overtakes.
 * @param now milliseconds of a clock that never jumps
 */
export function createPace(bytesPerSecond: number, now: () => number): Pace {
  let paidUntil = Number.NEGATIVE_INFINITY;
  return {
    spend: (bytes) => {
      const at = now();
      paidUntil = Math.max(paidUntil, at - burstMs) + (bytes * 1_000) / bytesPerSecond;
      return Math.max(0, paidUntil - at);
    },
  };
}
