/** Credit windows: how much a peer may still send on a stream, returned when the consumer has drained. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';

/** A window's worth that was drained within so many round trips (one, and our own turns) wants more: the window was what held it up. */
const fastRoundTrips = 3;
/** One that took so many, and so long, is many times what its path needs, and gets smaller. */
const slowRoundTrips = 16;
const slowMs = 2_000;
/** Below this a round trip says more about our own turns than about a path. */
const roundTripMsLeast = 2;
/** A grown window on which nothing came for so long is asked back: an hour of a quiet WebSocket holds nothing. */
const idleMs = 10_000;

export type PoolOptions = Readonly<{
  capBytes: number;
  streamsMax: number;
  /** What one window may grow to. */
  streamBytes: number;
  /** Told when a window could judge better with a fresh round trip. */
  measure: (now: number) => void;
}>;

/**
 * The memory of a carrier, promised to its streams. Half of it is set aside, so that every stream that may
 * come has its first window; the other half is lent to those whose path needs more, by the measured round
 * trip. No window may grow beyond half of what is then still free, and one that is above the whole of it
 * gets smaller (dynamic thresholds, Choudhury and Hahne 1998): a few that came first leave room for those
 * that follow. So the cap holds whatever the peer sends, and a stalled stream costs its own window only.
 */
export class WindowPool {
  readonly #options: PoolOptions;
  readonly startBytes: number;
  #promised = 0;
  #windows = 0;
  /** The carrier's last measured round trip, null before the first. */
  roundTripMs: number | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    const share = Math.floor(options.capBytes / 2 / options.streamsMax);
    this.startBytes = Math.min(options.streamBytes, share >= 8_192 ? share - (share % 4_096) : share);
  }

  get promised(): number {
    return this.#promised;
  }

  /** What may still be lent, beyond the first window of every stream that may come. */
  get free(): number {
    const { capBytes, streamsMax } = this.#options;
    // An eighth is for what buffers cost beside the bytes in them.
    return capBytes - Math.floor(capBytes / 8) - this.#promised - Math.max(0, streamsMax - this.#windows) * this.startBytes;
  }

  /** Whether any window holds more than it began with. */
  get lent(): boolean {
    return this.#promised > this.#windows * this.startBytes;
  }

  /** A new stream's window. */
  open(): ReceiveWindow {
    this.#promised += this.startBytes;
    this.#windows += 1;
    return new ReceiveWindow(this, this.startBytes);
  }

  /** A window of this size was drained once in `tookMs`: what it should have more (above 0), or less (below). */
  judge(size: number, tookMs: number, now: number): number {
    this.#options.measure(now);
    if (this.roundTripMs === null) return 0;
    const roundTripMs = Math.max(this.roundTripMs, roundTripMsLeast);
    if (tookMs > Math.max(slowMs, slowRoundTrips * roundTripMs)) return this.startBytes - size;
    const wanted = Math.min(size * 2, this.#options.streamBytes);
    return tookMs <= fastRoundTrips * roundTripMs && wanted * 2 <= this.free ? wanted - size : 0;
  }

  /** Whether a window of this size takes from others what they need. */
  tooLarge(size: number): boolean {
    return size > this.startBytes && size > this.free;
  }

  resize(by: number): void {
    this.#promised += by;
  }

  close(size: number): void {
    this.#promised -= size;
    this.#windows -= 1;
  }
}

/** What the peer may send on one stream. Starts small; doubles and shrinks as the pool judges. */
export class ReceiveWindow {
  readonly #pool: WindowPool;
  #size: number;
  /** Credit that the peer still has. */
  #left: number;
  /** Arrived, and not yet drained by the consumer. */
  #held = 0;
  /** Drained, and not yet returned. */
  #owed = 0;
  /** Returned since the size was last judged, and when the first byte of that came. */
  #turned = 0;
  #since = 0;
  #arrivedAt = 0;
  /** Credit that was asked back and not answered. */
  #recalled = 0;
  #closed = false;

  constructor(pool: WindowPool, size: number) {
    this.#pool = pool;
    this.#size = size;
    this.#left = size;
  }

  get held(): number {
    return this.#held;
  }
  get size(): number {
    return this.#size;
  }

  /** Asked on the header, before anything is kept: false when the peer has no credit for it. */
  arrive(count: number, now: number): boolean {
    if (count > this.#left) return false;
    if (this.#turned === 0 && this.#owed === 0) this.#since = now;
    this.#arrivedAt = now;
    this.#left -= count;
    this.#held += count;
    return true;
  }

  /** The consumer took `count` bytes: how much credit to return now (0: not worth a frame yet). */
  drained(count: number, now: number): number {
    this.#held -= count;
    this.#owed += count;
    // A quarter at least: fewer frames than one per read, and the peer never runs dry meanwhile.
    if (this.#closed || this.#owed * 4 < this.#size) return 0;
    this.#turned += this.#owed;
    const credit = this.#owed + this.#judged(now);
    this.#owed = 0;
    this.#left += credit;
    return credit;
  }

  /** How much credit to ask back from a peer that does not use what it was lent, or has too much of it; 0 when there is nothing to ask. */
  recall(now: number): number {
    if (this.#closed || this.#recalled > 0 || (now - this.#arrivedAt < idleMs && !this.#pool.tooLarge(this.#size))) return 0;
    this.#recalled = Math.max(0, Math.min(this.#size - this.#pool.startBytes, this.#left));
    return this.#recalled;
  }

  /** The peer has given so much back: what it could, none if it was sent meanwhile. */
  returned(count: number): Fault | null {
    if (this.#recalled === 0 || count > this.#recalled || count > this.#left)
      return fault('window-exceeded', 'credit is given back that nobody asked for');
    this.#recalled = 0;
    this.#left -= count;
    this.#resize(-count);
    return null;
  }

  /** Nothing more comes: what was lent for more is free for others. */
  finish(): void {
    this.#resize(-Math.max(0, Math.min(this.#size - this.#pool.startBytes, this.#left)));
    this.#left = 0;
    this.#recalled = 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pool.close(this.#size);
  }

  /** What the credit of now is more or less than what was drained. Less is withheld: what a peer has is its own. */
  #judged(now: number): number {
    let wanted = 0;
    if (this.#turned >= this.#size) {
      wanted = this.#pool.judge(this.#size, now - this.#since, now);
      this.#turned = 0;
    }
    // While credit is asked back, it is not known how much there is.
    if (this.#recalled > 0) return 0;
    if (this.#pool.tooLarge(this.#size)) wanted = this.#pool.startBytes - this.#size;
    const change = Math.max(wanted, -this.#owed);
    this.#resize(change);
    return change;
  }

  #resize(by: number): void {
    if (by === 0 || this.#closed) return;
    this.#size += by;
    this.#pool.resize(by);
  }
}
