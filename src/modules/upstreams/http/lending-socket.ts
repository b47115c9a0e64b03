/** A socket that reads into one buffer of all its kind: no buffer, no event and no garbage for each read. */

import { Socket } from 'node:net';
import type { LendingStream } from '../../../core/lent.ts';

/** Filled and emptied within one turn, so one serves all sockets of this thread. */
const shared = Buffer.allocUnsafeSlow(65_536);

export class LendingSocket extends Socket implements LendingStream {
  /** It reads into what all of its kind read into. */
  readonly ownsMemory = false;
  #taker: ((bytes: Uint8Array) => void) | null = null;

  constructor() {
    super({
      // A service may end its side and still read, and the other way round.
      allowHalfOpen: true,
      onread: {
        buffer: shared,
        callback: (count, buffer) => {
          // Nobody takes them yet: a service that talks before it was asked is not one of ours.
          if (this.#taker === null) this.destroy();
          else this.#taker(buffer.subarray(0, count));
          return true;
        },
      },
    });
  }

  lendTo(taker: (bytes: Uint8Array) => void): void {
    this.#taker = taker;
  }

  leaveMemory(): () => void {
    return () => undefined;
  }
}
