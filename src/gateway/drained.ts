/** A gateway that goes gently: nobody new is taken at its own addresses, and what runs may end for a while. */

import { setTimeout as wait } from 'node:timers/promises';
import type { Doors } from '../dataplane/doors.ts';
import type { Engine } from '../dataplane/engine.ts';

/** How long at most; `hurry` ends it at once. */
export type Grace = Readonly<{ ms: number; hurry: AbortSignal }>;

/** Between two looks at what still runs. */
const lookMs = 20;

/** Resolves when nothing runs any more, or the time is over. Whoever comes by a relay meanwhile is served as ever. */
export async function drained(doors: Pick<Doors, 'stop'>, engine: Pick<Engine, 'leave' | 'idle'>, { ms, hurry }: Grace): Promise<void> {
  doors.stop();
  await engine.leave();
  const until = performance.now() + ms;
  while (!engine.idle && !hurry.aborted && performance.now() < until)
    await wait(lookMs, undefined, { signal: hurry }).catch(() => undefined);
}
