/** Bytes in memory that is lent, written on: what the system takes at once is copied nowhere. */

/** A stream that hands its bytes to one taker without an event for each: they are good until the taker returns, and no longer. */
export interface LendingStream {
  lendTo(taker: (bytes: Uint8Array) => void): void;
  /** Whether the memory of this turn is this stream's alone, so that it may be left to a writer. */
  readonly ownsMemory: boolean;
  /** Leaves that memory to whoever writes it: nothing more is read into it. What it returns is called once, when that has ended. */
  leaveMemory(): () => void;
}

export function lends<S extends object>(stream: S): stream is S & LendingStream {
  return 'lendTo' in stream;
}

type Lender = Pick<LendingStream, 'ownsMemory' | 'leaveMemory'> & Readonly<{ pause: () => unknown; resume: () => unknown }>;

interface Writer {
  write(bytes: Uint8Array, written?: (error?: Error | null) => void): boolean;
  /** Bytes that were written and that the system has not taken yet. */
  readonly writableLength: number;
}

/** Up to this a copy costs less than a look at what is left. */
const fewBytes = 16_384;
/** What longer copies are made in. Made anew for each they would be garbage outside of any heap, which collects the whole heap. */
const copyBytes = 65_536;
/** Memory for copies that is kept: 4 MiB. */
const copiesMax = 64;
const copies: Uint8Array[] = [];

/**
 * Writes on what was lent. False: the writer asks to wait for its drain. While memory of the lender is with the writer, the
 * lender reads nothing: a reader that has stalled keeps one piece of it, whatever its size.
 * @param isSocket whether the writer tells truly what the system has taken; a stream of ours may keep what it says is written
 */
export function writeLent(bytes: Uint8Array, from: Lender, to: Writer, isSocket: boolean): boolean {
  if (!isSocket || bytes.length <= fewBytes) return to.write(new Uint8Array(bytes));
  if (!from.ownsMemory) return writeCopy(bytes, to);
  let ended: (() => void) | null = null;
  const more = to.write(bytes, () => {
    ended?.();
    if (ended !== null) from.resume();
  });
  if (to.writableLength > 0) {
    ended = from.leaveMemory();
    from.pause();
  }
  return more;
}

function writeCopy(bytes: Uint8Array, to: Writer): boolean {
  if (bytes.length > copyBytes) return to.write(new Uint8Array(bytes));
  const memory = copies.pop() ?? new Uint8Array(copyBytes);
  memory.set(bytes);
  return to.write(memory.subarray(0, bytes.length), (error) => {
    // What a write that failed may still refer to is nobody's any more.
    if ((error ?? null) === null && copies.length < copiesMax) copies.push(memory);
  });
}
