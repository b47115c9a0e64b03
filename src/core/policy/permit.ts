/** What a meter lets one exchange use: held while it runs, counted as it moves, given back at its end. */

import type { Fault } from '../errors.ts';

/** `wait`: no more until `resume` was called. A fault ends the exchange. */
export type Moved = 'on' | 'wait' | Fault;

/** The data plane asks, and decides nothing. */
export interface Permit {
  /** Whether its bytes, its silence or its length are bounded at all: what is not is never asked about. */
  readonly metered: boolean;
  /** How long it may be without a byte, and how long it may last, in milliseconds; null for what holds for all. */
  readonly idleMs: number | null;
  readonly lifeMs: number | null;
  /** The connection for it stands. */
  opened(): void;
  /**
   * So many bytes are to move, one way or the other; 0 asks whether any may.
   * @param waiter is told once, when `wait` is over; it answers whether it still wanted to know
   */
  moved(bytes: number, waiter: Waiter): Moved;
  /** It is over. Safe to call twice. */
  close(): void;
}

export type Waiter = { resume(): void };
