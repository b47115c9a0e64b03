/** Whether a relay has more to do than it can: by the lag of its event loop and the memory that it holds. New work is shed then. */

import { totalmem } from 'node:os';
import type { Closable } from '../contracts/stream.ts';
import type { Limits } from '../core/limits.ts';

/** How late the loop is, in milliseconds, and how many bytes are held. */
export type Pressure = Readonly<{ lagMs: number; bytes: number }>;

export type OverloadLimits = Pick<Limits, 'overloadLagMs' | 'overloadBytesMax'>;

const lookEveryMs = 250;
/** One long turn (a collection, a slow disk) is no overload; so many looks in a row are. */
const lateLooksMax = 3;
/** It ends below these parts of the limits, so that it does not flap. */
const easeLag = 0.5;
const easeBytes = 0.9;

export class Overload {
  readonly #limits: OverloadLimits;
  readonly #bytesMax: number;
  #late = 0;
  #isLate = false;
  #isFull = false;

  /** @param memoryBytes what the machine, or its container, has */
  constructor(limits: OverloadLimits, memoryBytes: number) {
    this.#limits = limits;
    this.#bytesMax = Math.min(limits.overloadBytesMax, memoryBytes * 0.75);
  }

  /** Why new visitors are turned away at this moment; null when they are not. */
  get why(): string | null {
    if (this.#isFull) return 'the relay holds too much memory';
    return this.#isLate ? 'the event loop of the relay is late' : null;
  }

  look({ lagMs, bytes }: Pressure): void {
    const { overloadLagMs } = this.#limits;
    this.#late = lagMs > overloadLagMs ? this.#late + 1 : 0;
    if (this.#late >= lateLooksMax) this.#isLate = true;
    else if (lagMs <= overloadLagMs * easeLag) this.#isLate = false;
    if (bytes > this.#bytesMax) this.#isFull = true;
    else if (bytes <= this.#bytesMax * easeBytes) this.#isFull = false;
  }
}

/** What this process may use at most. */
export function memoryOfMachine(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Looks four times a second until it is closed; keeps no process alive. `measure` stands in for the process's own. */
export function watchOverload(overload: Overload, measure?: () => Pressure): Closable {
  let due = performance.now() + lookEveryMs;
  const timer = setInterval(() => {
    const now = performance.now();
    overload.look(measure?.() ?? { lagMs: Math.max(0, now - due), bytes: heldBytes() });
    due = now + lookEveryMs;
  }, lookEveryMs);
  timer.unref();
  return { close: async () => clearInterval(timer) };
}

/** What the heap holds and the buffers beside it; not the resident set, which seldom shrinks. */
function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
