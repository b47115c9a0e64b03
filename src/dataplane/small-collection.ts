/** V8's small collection of garbage, of what is young only: some hundred microseconds to a few milliseconds. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** V8 gives its collector to a context that is made while the flag stands; nothing else in the program ever sees it. */
export function smallCollection(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  // Without it all is as it would be anyway, slower.
  if (typeof gc !== 'function') return () => undefined;
  return () => void Reflect.apply(gc, undefined, [{ type: 'minor' }]);
}
