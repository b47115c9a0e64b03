/** How much memory the first of V8's two optimizing compilers takes. */

import { setFlagsFromString } from 'node:v8';

/**
 * Maglev compiles what becomes warm, and TurboFan again what stays hot, with everything that it calls inside. Where Maglev
 * does so as well, a burst of something new costs megabytes that never go back, for code that is soon replaced.
 */
export function compileLean(): void {
  setFlagsFromString('--no-maglev-inlining');
}
