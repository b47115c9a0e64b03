/** A connection to a destination: reads into memory that all of them share, and into memory of its own while much comes. */

import { Socket } from 'node:net';
import type { LendingStream } from '../../../core/lent.ts';

/** Filled and emptied within one turn, so one serves all connections of this thread. */
const shared = Buffer.allocUnsafeSlow(65_536);
/** Four reads in one: half the CPU of a download. A tunnel in which little moves has none. */
const ownBytes = 262_144;
/** Pieces of such memory at once, read into or with a writer: 64 MiB in all. Every other connection is served as well, with more reads. */
const piecesMax = 256;
/** Memory that a writer keeps after fewer reads than this was no gain: TLS keeps every piece. */
const fewReads = 4;
/** Full reads after which such a connection tries again, at most. */
const waitsMax = 256;

/** How many pieces there are, of how many. */
export class Pieces {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  take(): Buffer | null {
    if (this.#taken >= this.#max) return null;
    this.#taken += 1;
    return Buffer.allocUnsafeSlow(ownBytes);
  }

  giveBack(): void {
    this.#taken -= 1;
  }
}

const pieces = new Pieces(piecesMax);

/** Until somebody takes its bytes as they come, it is a stream like any other. */
export class DestinationSocket extends Socket implements LendingStream {
  readonly #pieces: Pieces;
  #taker: ((bytes: Uint8Array) => void) | null = null;
  /** No other connection reads into it, and no writer has it. */
  #own: Buffer | null = null;
  /** Reads into it so far; full reads until the next may be taken, and how many there were to wait for the last time. */
  #ownReads = 0;
  #waits = 0;
  #waited = 0;

  constructor(own: Pieces = pieces) {
    super({
      allowHalfOpen: true,
      onread: { buffer: () => this.#own ?? shared, callback: (count, memory) => this.#read(count, memory) },
    });
    this.#pieces = own;
  }

  get ownsMemory(): boolean {
    return this.#own !== null;
  }

  /** What came before is handed over at once. */
  lendTo(taker: (bytes: Uint8Array) => void): void {
    this.#taker = taker;
    for (let chunk: unknown = this.read(); chunk instanceof Uint8Array; chunk = this.read()) taker(chunk);
  }

  leaveMemory(): () => void {
    if (this.#own === null) return () => undefined;
    this.#own = null;
    this.#waited = this.#ownReads < fewReads ? Math.min(waitsMax, this.#waited * 2 + 1) : 0;
    this.#waits = this.#waited;
    return () => this.#pieces.giveBack();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#release();
    super._destroy(error, done);
  }

  #release(): void {
    if (this.#own === null) return;
    this.#own = null;
    this.#pieces.giveBack();
  }

  #takeMemory(): void {
    if (this.#waits > 0) this.#waits -= 1;
    if (this.#waits > 0 || this.isPaused() || this.destroyed) return;
    this.#ownReads = 0;
    this.#own = this.#pieces.take();
  }

  /** False stops reading until it is resumed. The memory of the next read is asked for after this. */
  #read(count: number, memory: Uint8Array): boolean {
    const bytes = memory.subarray(0, count);
    if (this.#taker === null) return this.push(Buffer.from(bytes));
    const isOwn = memory === this.#own;
    this.#ownReads += 1;
    this.#taker(bytes);
    // A read that fills what all share left more behind; one that would not have filled it came to the end of what there was.
    if (count < shared.length) this.#release();
    else if (!isOwn) this.#takeMemory();
    return true;
  }
}
