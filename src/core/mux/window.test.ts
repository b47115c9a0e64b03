/** Windows: what they grow by, what they give back, and the cap over all of them. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReceiveWindow } from './window.ts';
import { WindowPool } from './window.ts';

const KIB = 1_024;
const MIB = 1_048_576;

function pool(changes: Partial<ConstructorParameters<typeof WindowPool>[0]> = {}): WindowPool {
  const made = new WindowPool({ capBytes: 64 * MIB, streamsMax: 1_000, streamBytes: 8 * MIB, measure: () => undefined, ...changes });
  made.roundTripMs = 60;
  return made;
}

/** Fills and drains the window once in `tookMs`; returns the credit that came back. */
function turn(window: ReceiveWindow, at: number, tookMs: number): number {
  const { size } = window;
  ok(window.arrive(size, at));
  return window.drained(size, at + tookMs);
}

describe('a window', () => {
  it('doubles while its worth is drained within about a round trip, up to its most', () => {
    const window = pool().open();
    const sizes: number[] = [];
    for (let at = 0; at < 1_000; at += 100) {
      turn(window, at, 70);
      sizes.push(window.size / KIB);
    }
    deepEqual(sizes, [64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 8_192, 8_192]);
  });

  it('stays as it is for a consumer that is slower than the path', () => {
    const window = pool().open();
    for (let at = 0; at < 10_000; at += 1_000) equal(turn(window, at, 400), 32 * KIB);
  });

  it('does not grow before a round trip was measured, and asks for one', () => {
    let asked = 0;
    const unmeasured = pool({ measure: () => (asked += 1) });
    unmeasured.roundTripMs = null;
    equal(turn(unmeasured.open(), 0, 1), 32 * KIB);
    equal(asked, 1);
  });

  it('shrinks to its first size when it became far more than its path needs', () => {
    const window = pool().open();
    for (let at = 0; at < 500; at += 100) turn(window, at, 60);
    equal(window.size, MIB);
    // Drained in quarters: each is withheld until the size is about the first one again.
    for (let at = 10_000; window.size >= 36 * KIB && at < 500_000; at += 10_000) {
      const piece = Math.ceil(window.size / 4);
      ok(window.arrive(piece, at));
      window.drained(piece, at + 9_000);
    }
    ok(window.size < 36 * KIB);
  });

  it('is asked back what it was lent when nothing came for long, once at a time', () => {
    const all = pool();
    const window = all.open();
    turn(window, 0, 60);
    turn(window, 100, 60);
    equal(window.size, 128 * KIB);
    equal(window.recall(5_000), 0);
    equal(window.recall(11_000), 96 * KIB);
    equal(window.recall(13_000), 0);
    equal(window.returned(96 * KIB), null);
    equal(all.promised, 32 * KIB);
    equal(window.arrive(32 * KIB + 1, 14_000), false, 'what was given back is no credit any more');
    equal(window.arrive(32 * KIB, 14_000), true);
  });

  it('mux memory: takes back no credit that nobody asked for, nor more than it asked for', () => {
    const window = pool().open();
    equal(window.returned(1)?.code, 'window-exceeded');
    turn(window, 0, 60);
    equal(window.recall(20_000), 32 * KIB);
    equal(window.returned(32 * KIB + 1)?.code, 'window-exceeded');
    equal(window.returned(0), null);
    equal(window.returned(0)?.code, 'window-exceeded');
  });

  it('frees what it was lent behind the last byte, and all of it at its end', () => {
    const all = pool();
    const window = all.open();
    turn(window, 0, 60);
    window.finish();
    equal(all.promised, 32 * KIB);
    window.close();
    window.close();
    equal(all.promised, 0);
  });
});

describe('all windows of a carrier', () => {
  it('mux memory: never promise more than the cap, whoever grew before the others came', () => {
    const all = pool();
    const windows: ReceiveWindow[] = [];
    for (let count = 0; count < 1_000; count++) {
      windows.push(all.open());
      for (const window of windows.slice(-20)) turn(window, count * 100, 60);
      ok(all.promised <= 64 * MIB, `${all.promised} bytes are promised to ${count + 1} streams`);
      ok(all.free >= 0);
    }
    ok(all.promised > 48 * MIB, 'and use what there is');
  });

  it('leave room: those that came first shrink for those that follow', () => {
    const all = pool();
    const first = Array.from({ length: 4 }, () => all.open());
    for (let at = 0; at < 2_000; at += 100) for (const window of first) turn(window, at, 60);
    ok(Math.max(...first.map((window) => window.size)) >= 4 * MIB);
    const later = Array.from({ length: 46 }, () => all.open());
    for (let at = 2_000; at < 6_000; at += 100) for (const window of [...first, ...later]) turn(window, at, 60);
    const sizes = [...first, ...later].map((window) => window.size);
    ok(Math.max(...sizes) <= 8 * Math.min(...sizes), `from ${Math.min(...sizes)} to ${Math.max(...sizes)}`);
    ok(Math.min(...sizes) >= 128 * KIB);
  });

  it('have no first window for more streams than there may be, however small the cap', () => {
    equal(pool({ capBytes: 20_000, streamsMax: 10 }).startBytes, 1_000);
    equal(pool({ streamBytes: 4_096 }).startBytes, 4_096);
  });
});
