/** What may be on its way: it follows what the line carries, and no queue grows for seconds. */

import { equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Flight } from './flight.ts';

/** Sends all that may go over a line, round by round; what is on the way takes its time. Returns the last round trip. */
function run(
  flight: Flight,
  line: Readonly<{ bytesPerMs: number; pathMs: number }>,
  rounds: number,
  from = 0,
): Readonly<{ now: number; tookMs: number }> {
  let now = from;
  let tookMs = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = flight.room;
    flight.sent(bytes, true);
    flight.mark(now);
    // What is more than the line holds stands in its queue.
    tookMs = Math.max(line.pathMs, bytes / line.bytesPerMs);
    now += tookMs;
    flight.arrived(now);
  }
  return { now, tookMs };
}

describe('the flight', () => {
  it('grows to what a wide and long line needs', () => {
    const flight = new Flight();
    run(flight, { bytesPerMs: 125_000, pathMs: 60 }, 10);
    ok(flight.room >= 125_000 * 60, `${flight.room} bytes`);
  });

  it('keeps the queue of a narrow line short', () => {
    const flight = new Flight();
    equal(flight.room, 1_048_576);
    // The first mark of a carrier goes when there is nothing else.
    flight.mark(0);
    flight.arrived(20);
    let { now, tookMs } = run(flight, { bytesPerMs: 1_250, pathMs: 20 }, 5, 20);
    let most = 0;
    while (now < 300_000) {
      ({ now, tookMs } = run(flight, { bytesPerMs: 1_250, pathMs: 20 }, 1, now));
      most = Math.max(most, tookMs);
    }
    // The least that is on its way takes 210 ms, and so much more may stand in the queue.
    ok(most < 700, `${Math.round(most)} ms`);
    ok(flight.room >= 262_144, 'and the line busy');
  });

  it('bears a line that became longer', () => {
    const flight = new Flight();
    const { now } = run(flight, { bytesPerMs: 12_500, pathMs: 20 }, 50);
    let most = 0;
    for (let round = 0, at = now; round < 150; round++) {
      most = round < 100 ? 0 : Math.max(most, flight.room);
      at = run(flight, { bytesPerMs: 12_500, pathMs: 400 }, 1, at).now;
    }
    ok(most >= 12_500 * 400, `${most} bytes`);
  });

  it('asks for a mark when a quarter is open, and not too often', () => {
    const flight = new Flight();
    flight.sent(200_000, false);
    equal(flight.wantsMark(100), false);
    flight.sent(100_000, false);
    equal(flight.wantsMark(100), true);
    flight.mark(100);
    flight.sent(500_000, false);
    equal(flight.wantsMark(104), false);
    equal(flight.wantsMark(105), true);
    flight.sent(500_000, true);
    equal(flight.wantsMark(101), true, 'but where nothing moves without it');
    equal(flight.room, 0);
    flight.arrived(106);
    ok(flight.room > 0);
  });
});
