/** All deadlines of the data plane, looked at four times a second: nothing on the road starts a timer. */

import type { Deadline, Deadlines } from '../contracts/protocol.ts';
import type { Closable } from '../contracts/stream.ts';

const LOOK_EVERY_MS = 250;

/** A clock that only goes forward: one that is set back would give every slow visitor as much more time, and one set forward would cut all. */
export const steadyNow = (): number => performance.timeOrigin + performance.now();

/** `look` is called by the timer; a test calls it itself and starts none. */
export function createDeadlines(now: () => number): Deadlines & { look(): void } {
  const all = new Set<Deadline>();
  let looked = now();
  return {
    time: () => looked,
    add: (deadline) => void all.add(deadline),
    delete: (deadline) => void all.delete(deadline),
    look: () => {
      looked = now();
      for (const deadline of all) {
        if (deadline.at <= looked) deadline.expire();
      }
    },
  };
}

/** Looks until it is closed; keeps no process alive. */
export function startDeadlines(deadlines: { look(): void }): Closable {
  const timer = setInterval(() => deadlines.look(), LOOK_EVERY_MS);
  timer.unref();
  return {
    close: async () => clearInterval(timer),
  };
}
