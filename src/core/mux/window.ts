/** Credit windows: how much a peer may still send on a stream, returned when the consumer has drained. */

/**
 * The memory of a carrier, promised to its streams. Every stream starts with a share that is small
 * enough for all of them; who drains may grow while the sum stays below the cap. So the cap holds
 * whatever the peer sends, and a stalled stream costs its own window and nobody else's.
 */
export class WindowPool {
  readonly #capBytes: number;
  readonly startBytes: number;
  readonly #growBytesMax: number;
  #promised = 0;

  constructor(options: Readonly<{ capBytes: number; streamsMax: number; streamBytes: number }>) {
    this.#capBytes = options.capBytes;
    this.#growBytesMax = options.streamBytes;
    const share = Math.floor(options.capBytes / options.streamsMax);
    this.startBytes = Math.min(options.streamBytes, share >= 8_192 ? share - (share % 4_096) : share);
  }

  get promised(): number {
    return this.#promised;
  }

  /** A new stream's window. */
  open(): ReceiveWindow {
    this.#promised += this.startBytes;
    return new ReceiveWindow(this, this.startBytes);
  }

  /** How much a window of this size may grow now. Doubling, as rust-yamux does; by measured round trip later. */
  grow(size: number): number {
    const more = Math.min(size, this.#growBytesMax - size, this.#capBytes - this.#promised);
    if (more <= 0) return 0;
    this.#promised += more;
    return more;
  }

  release(size: number): void {
    this.#promised -= size;
  }
}

/** What the peer may send on one stream. */
export class ReceiveWindow {
  readonly #pool: WindowPool;
  #size: number;
  /** Credit that the peer still has. */
  #left: number;
  /** Arrived, and not yet drained by the consumer. */
  #held = 0;
  /** Drained, and not yet returned. */
  #owed = 0;
  #closed = false;

  constructor(pool: WindowPool, size: number) {
    this.#pool = pool;
    this.#size = size;
    this.#left = size;
  }

  get held(): number {
    return this.#held;
  }

  /** Asked on the header, before anything is kept: false when the peer has no credit for it. */
  arrive(count: number): boolean {
    if (count > this.#left) return false;
    this.#left -= count;
    this.#held += count;
    return true;
  }

  /** The consumer took `count` bytes: how much credit to return now (0: not worth a frame yet). */
  drained(count: number): number {
    this.#held -= count;
    this.#owed += count;
    // A quarter at least: fewer frames than one per read, and the peer never runs dry meanwhile.
    if (this.#closed || this.#owed * 4 < this.#size) return 0;
    const more = this.#pool.grow(this.#size);
    const credit = this.#owed + more;
    this.#size += more;
    this.#owed = 0;
    this.#left += credit;
    return credit;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pool.release(this.#size);
  }
}
