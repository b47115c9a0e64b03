/** Has V8 give back, once it is quiet, the memory that it took for a busy time. */

import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import type { Closable } from '../contracts/stream.ts';
import { smallCollection } from './small-collection.ts';

/**
 * The young generation grows with what is made at once, to some 50 MB, and V8 makes it smaller only in a collection
 * that follows five seconds with hardly anything new: but where hardly anything is new, no collection comes. The
 * pages go back to the system eight seconds after it.
 */
const LOOK_MS = 6_000;
/** Less is not worth it. */
const YOUNG_BYTES = 4_194_304;
/** Of the event loop's time. Above it somebody might feel a few milliseconds. */
const BUSY_SHARE = 0.25;
/** Each collection that changed nothing doubles the looks until the next: ten minutes at most. */
const SKIPPED_LOOKS_MAX = 100;

export type QuietTools = Readonly<{
  /** Bytes that the young generation takes from the system. */
  young: () => number;
  /** How much of its time since the last call the event loop was busy: 0 to 1. */
  busy: () => number;
  collect: () => void;
  every: (ms: number, look: () => void) => Closable;
}>;

/** Keeps no process alive. */
export function startQuietCollector(tools: QuietTools = nativeTools()): Closable {
  let patience = 1;
  let skipped = 0;
  return tools.every(LOOK_MS, () => {
    skipped += 1;
    const before = tools.young();
    if (tools.busy() > BUSY_SHARE || before <= YOUNG_BYTES) {
      patience = 1;
      skipped = 0;
      return;
    }
    if (skipped < patience) return;
    skipped = 0;
    tools.collect();
    patience = tools.young() < before ? 1 : Math.min(patience * 2, SKIPPED_LOOKS_MAX);
  });
}

function nativeTools(): QuietTools {
  let last = performance.eventLoopUtilization();
  return {
    young: () => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0,
    busy: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    collect: smallCollection(),
    every: (ms, look) => {
      const timer = setInterval(look, ms);
      timer.unref();
      return { close: async () => clearInterval(timer) };
    },
  };
}
