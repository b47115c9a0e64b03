/** All deadlines of the data plane, looked at four times a second: nothing on the road starts a timer. */

import type { Deadline, Deadlines } from '../contracts/protocol.ts';
import type { Closable } from '../contracts/stream.ts';

const LOOK_EVERY_MS = 250;

/** What expires in one turn: an end costs a tenth of a millisecond, and thousands who came together end together. Others are served in between. */
const EXPIRE_AT_ONCE = 100;

/** A clock that only goes forward: one that is set back would give every slow visitor as much more time, and one set forward would cut all. */
export const steadyNow = (): number => performance.timeOrigin + performance.now();

/** `look` is called by the timer; a test calls it itself and starts none. */
export function createDeadlines(now: () => number): Deadlines & { look(): void } {
  const all = new Set<Deadline>();
  let looked = now();
  const due: Deadline[] = [];
  const expire = (): void => {
    const some = due.splice(0, EXPIRE_AT_ONCE);
    if (due.length > 0) setImmediate(expire);
    // It may have moved on, or be gone, since it was found.
    for (const deadline of some) if (deadline.at <= looked && all.has(deadline)) deadline.expire();
  };
  return {
    time: () => looked,
    add: (deadline) => void all.add(deadline),
    delete: (deadline) => void all.delete(deadline),
    look: () => {
      looked = now();
      // Those that were found last are not through yet.
      if (due.length > 0) return;
      for (const deadline of all) if (deadline.at <= looked) due.push(deadline);
      expire();
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
