/** When an address answers again: strangers come on fresh connections, ten a second, until one has a whole answer. */

import { setTimeout as pause } from 'node:timers/promises';
import { newId } from './load.ts';
import { visit, type Door } from './visit.ts';

/** Not the one that carriers and their lines use. */
const ownAddress = process.platform === 'linux' ? '127.65.0.1' : undefined;
const betweenMs = 100;
/** A try that hangs must not hide that a later one would be answered. */
const atOnceMax = 40;

/** Milliseconds from `from` to the end of the first whole answer to a request that was begun after it; null when there is none in time. A wrong one is told. */
export async function answersAgain(door: Door, from: number, boundMs: number, onWrong: (what: string) => void): Promise<number | null> {
  const found = new AbortController();
  const underWay = new Set<Promise<void>>();
  let tookMs: number | null = null;
  const tryOnce = async (): Promise<void> => {
    const id = newId();
    const outcome = await visit(door, { work: 'nonce', id, bytes: 0, agent: false, from: ownAddress, signal: found.signal });
    if (outcome.is === 'wrong') onWrong(`${id}: ${outcome.why}`);
    if (outcome.is !== 'whole' || tookMs !== null) return;
    tookMs = performance.now() - from;
    found.abort();
  };
  while (!found.signal.aborted && performance.now() - from < boundMs) {
    if (underWay.size < atOnceMax) {
      const one: Promise<void> = tryOnce().finally(() => underWay.delete(one));
      underWay.add(one);
    }
    await pause(betweenMs, undefined, { signal: found.signal }).catch(() => undefined);
  }
  found.abort();
  await Promise.all(underWay);
  return tookMs;
}
