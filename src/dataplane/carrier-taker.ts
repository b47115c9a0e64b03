/** What a carrier tells whoever keeps it. */

import type { Code, Fault } from '../core/errors.ts';
import type { MessageType } from '../core/mux/frame.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { CarrierStream } from './carrier-stream.ts';

/** Who is told what happens on a carrier. */
export interface CarrierTaker {
  message(type: MessageType, value: unknown): void;
  /** A stream that the peer opened. It counts as taken once this returns, unless it was destroyed. */
  open(stream: CarrierStream, opening: Opening): void;
  /** The peer takes no new streams; those that run may end. */
  goaway(code: Code): void;
  /** Its connection broke; `resumeMs` are left to give it another one. */
  readonly suspended?: (() => void) | undefined;
  /** It is over, for the first and only time. All streams have been cut. */
  end(why: Fault): void;
}
