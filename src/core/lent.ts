/** Bytes in memory that is lent, written on: what the system takes at once is copied nowhere. */

/** A stream that hands its bytes to one taker without an event for each: they are good until the taker returns, and no longer. */
export interface LendingStream {
  lendTo(taker: (bytes: Uint8Array) => void): void;
  /** Whether the memory of this turn is this stream's alone, so that it may be left to a writer. */
  readonly ownsMemory: boolean;
  /** Leaves that memory to whoever writes it: nothing more is read into it. */
  leaveMemory(): void;
}

export function lends<S extends object>(stream: S): stream is S & LendingStream {
  return 'lendTo' in stream;
}

type Lender = Pick<LendingStream, 'ownsMemory' | 'leaveMemory'> & Readonly<{ pause: () => unknown; resume: () => unknown }>;

interface Writer {
  write(bytes: Uint8Array, written?: () => void): boolean;
  /** Bytes that were written and that the system has not taken yet. */
  readonly writableLength: number;
}

/** Up to this a copy costs less than a look at what is left. */
const copiedBytesMax = 16_384;

/**
 * Writes on what was lent. False: the writer asks to wait for its drain. While memory of the lender is with the writer, the
 * lender reads nothing: a reader that has stalled keeps one piece of it, whatever its size.
 */
export function writeLent(bytes: Uint8Array, from: Lender, to: Writer): boolean {
  if (bytes.length <= copiedBytesMax || !from.ownsMemory) return to.write(new Uint8Array(bytes));
  let left = false;
  const more = to.write(bytes, () => {
    if (left) from.resume();
  });
  if (to.writableLength > 0) {
    left = true;
    from.leaveMemory();
    from.pause();
  }
  return more;
}
