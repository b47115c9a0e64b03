/** Time as this process has it, for bounds that hold on a busy machine. */

import { ownMs } from './own-time.ts';

const stepMs = 20;

/**
 * Milliseconds in which this process could look at what had come. A stretch in which the machine did something else counts as two
 * steps at most, however long it was; one in which the process itself worked counts in full.
 */
export function startAwake(context: { after: (done: () => void) => void }): () => number {
  let [sum, last, worked] = [0, performance.now(), ownMs()];
  const look = (): void => {
    const [now, own] = [performance.now(), ownMs()];
    sum += Math.min(now - last, Math.max(2 * stepMs, own - worked));
    [last, worked] = [now, own];
  };
  const timer = setInterval(look, stepMs);
  context.after(() => clearInterval(timer));
  return () => {
    look();
    return sum;
  };
}
