/** A sleep is seen by either clock; a late timer is none. */

import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClockWatch } from './clock-watch.ts';

describe('a clock watch', () => {
  const at = { steady: 1_000, wall: 1_000_000 };
  const watch = new ClockWatch({ steady: () => at.steady, wall: () => at.wall }, 2_000);
  const after = (steady: number, wall: number): boolean => {
    at.steady += steady;
    at.wall += wall;
    return watch.jumped();
  };

  it('sees nothing in a timer, and nothing in a late one', () => {
    deepEqual([after(2_000, 2_000), after(6_000, 6_000), after(2_000, 2_000)], [false, false, false]);
  });

  it('sees a sleep that the steady clock has counted, and one that it has not, once each', () => {
    deepEqual([after(60_000, 60_000), after(2_000, 2_000)], [true, false]);
    deepEqual([after(2_000, 60_000), after(2_000, 2_000)], [true, false]);
  });

  it('sees a wall clock that was set back', () => {
    equal(after(2_000, -3_600_000), true);
  });
});
