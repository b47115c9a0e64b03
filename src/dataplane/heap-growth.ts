/** How far V8's heap may grow before all of it is marked. */

import { setFlagsFromString } from 'node:v8';

/** Of what was in use after the last great collection: the next one comes at two and a half times as much. */
const GROWTH_PERCENT = 150;

/**
 * Left to itself V8 decides by how little it was slowed down lately. After a quiet time a heap of 20 MB may grow by five,
 * which two busy carriers fill three times a second with what waits a moment for its acknowledgement; after a busy time it
 * may grow to four times as much.
 */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
