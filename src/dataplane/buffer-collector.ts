/** Has buffers that were read and written on collected while they are young, instead of by great collections when they are many. */

import { getHeapStatistics } from 'node:v8';
import type { Closable } from '../contracts/stream.ts';
import { smallCollection } from './small-collection.ts';

/**
 * Each read of a socket leaves a buffer outside the heap of V8, which hardly grows by it: nothing makes it
 * collect the young ones, and after 64 MB it marks the whole heap. In a download that was a third of all
 * CPU time and twice the memory. A small collection takes 0.3 ms.
 */
const GARBAGE_BYTES = 16_777_216;
const IDLE_LOOK_MS = 100;
const BUSY_LOOK_MS = 5;
/** So many looks without anything to collect end the busy time. */
const QUIET_LOOKS = 40;

export type CollectorTools = Readonly<{
  /** Bytes that buffers hold outside the heap. */
  held: () => number;
  collect: () => void;
  every: (ms: number, look: () => void) => Closable;
}>;

/** Looks ten times a second, and often while there is something to collect. Keeps no process alive. */
export function startBufferCollector(tools: CollectorTools = nativeTools()): Closable {
  let least = tools.held();
  let quiet = 0;
  let looking = tools.every(IDLE_LOOK_MS, look);
  let busy = false;

  function pace(next: boolean): void {
    if (next === busy) return;
    busy = next;
    void looking.close();
    looking = tools.every(busy ? BUSY_LOOK_MS : IDLE_LOOK_MS, look);
  }

  function look(): void {
    const held = tools.held();
    least = Math.min(least, held);
    if (held - least < GARBAGE_BYTES) {
      quiet += 1;
      if (quiet > QUIET_LOOKS) pace(false);
      return;
    }
    quiet = 0;
    tools.collect();
    // What is still there is in use: only what comes on top of it is counted from now on.
    least = tools.held();
    pace(true);
  }

  return { close: () => looking.close() };
}

function nativeTools(): CollectorTools {
  return {
    held: () => getHeapStatistics().external_memory,
    collect: smallCollection(),
    every: (ms, look) => {
      const timer = setInterval(look, ms);
      timer.unref();
      return { close: async () => clearInterval(timer) };
    },
  };
}
