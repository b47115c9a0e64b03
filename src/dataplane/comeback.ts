/** Gives a carrier whose connection broke another one, as long as both sides wait for it. */

import { setTimeout as wait } from 'node:timers/promises';
import { SallyportError, type Code } from '../core/errors.ts';
import { reachRelay, type Reached, type ReachOptions } from './reach-relay.ts';

/** Between two attempts; jittered by as much again. The way may be back at any moment, and visitors wait. */
const againMs = 200;

/** The relay has spoken: it knows nothing of this carrier, or is another one. */
const final: ReadonlySet<Code> = new Set<Code>(['relay-refused', 'relay-untrusted', 'relay-blocked', 'interrupted']);

/**
 * Tries until it stands again or its time is over. `gaveUp` is told when the relay will not have it; when time is over the
 * carrier ends by itself. Never rejects.
 */
export async function comeBack(
  reach: ReachOptions,
  { carrier, accepted }: Reached,
  gaveUp: (error: SallyportError) => void,
): Promise<void> {
  const { resume: ticket } = accepted;
  if (ticket === undefined) return;
  while (carrier.suspended && !reach.signal.aborted) {
    try {
      await reachRelay({ ...reach, resume: { carrier, ticket } });
      return;
    } catch (error) {
      if (error instanceof SallyportError && final.has(error.code)) return gaveUp(error);
    }
    await wait(againMs * (1 + Math.random()));
  }
}
