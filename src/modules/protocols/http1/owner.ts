/** Who is told what happens to the visitor of a connection. */

import type { Fault } from '../../../core/errors.ts';
import type { RequestHead } from '../../../core/http/head.ts';

export interface VisitorOwner {
  /** A head was read, and as much of its body as is held before anybody hears of it. */
  request(head: RequestHead): void;
  /** A head or body that nobody was told of had no single reading. The answer is the owner's. */
  refused(fault: Fault): void;
  /** The stream is gone: whatever runs must end. `half`: in the middle of a request that nobody was told of. */
  gone(half: boolean): void;
  /** Nothing moved for too long while an exchange was running. */
  stalled(): void;
  drained(): void;
}

/**
 * `head`: a request is awaited. `holding`: its head was read, its body is awaited up to a measure.
 * `held`: the owner decides; what comes is kept back. `body`: it flows to a taker. `raw`: the bytes are
 * no longer HTTP. `discard`: an answer was given early; the rest is thrown away until the stream ends.
 */
export type VisitorState = 'head' | 'holding' | 'held' | 'body' | 'raw' | 'discard' | 'closed';
