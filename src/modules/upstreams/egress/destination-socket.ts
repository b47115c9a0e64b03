/** A connection to a destination: reads into memory that all of them share, and into memory of its own while much comes. */

import { Socket } from 'node:net';
import type { LendingStream } from '../../../core/lent.ts';

/** Filled and emptied within one turn, so one serves all connections of this thread. */
const shared = Buffer.allocUnsafeSlow(65_536);
/** Four reads in one: half the CPU of a download. A tunnel in which little moves has none. */
const ownBytes = 262_144;

/** Until somebody takes its bytes as they come, it is a stream like any other. */
export class DestinationSocket extends Socket implements LendingStream {
  #taker: ((bytes: Uint8Array) => void) | null = null;
  /** No other connection reads into it, and no writer has it. */
  #own: Buffer | null = null;

  constructor() {
    super({
      allowHalfOpen: true,
      onread: { buffer: () => this.#own ?? shared, callback: (count, memory) => this.#read(count, memory) },
    });
  }

  get ownsMemory(): boolean {
    return this.#own !== null;
  }

  /** What came before is handed over at once. */
  lendTo(taker: (bytes: Uint8Array) => void): void {
    this.#taker = taker;
    for (let chunk: unknown = this.read(); chunk instanceof Uint8Array; chunk = this.read()) taker(chunk);
  }

  leaveMemory(): void {
    this.#own = null;
  }

  /** False stops reading until it is resumed. The memory of the next read is asked for after this. */
  #read(count: number, memory: Uint8Array): boolean {
    const bytes = memory.subarray(0, count);
    if (this.#taker === null) return this.push(Buffer.from(bytes));
    const isOwn = memory === this.#own;
    this.#taker(bytes);
    // A read that fills its memory left more behind; one that does not came to the end of what there was.
    if (count < memory.length) this.#own = null;
    else if (!isOwn && !this.isPaused()) this.#own = Buffer.allocUnsafeSlow(ownBytes);
    return true;
  }
}
