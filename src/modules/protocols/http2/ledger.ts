/** What a connection of HTTP/2 costs beside what it asks for: floods are told by it, whatever frames they are made of. */

import type { Limits } from '../../../core/limits.ts';

/** A second's worth at once, and four of them after a quiet time. */
const burstSeconds = 4;

/** What a frame with content may weigh beside it: its head and its padding (RFC 9113, 6.1). */
const frameOverheadBytes = 265;
/** What a request may weigh beside its fields: windows, a priority, the frames of its head. */
const requestOverheadBytes = 256;
/** Answers are acknowledged by windows and, by some, measured by pings: one in so many bytes. */
const sentPerAcknowledged = 16;

class Bucket {
  readonly #perSecond: number;
  #level = 0;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#at = now;
  }

  /** Whether it runs over. */
  pour(amount: number, now: number): boolean {
    const left = this.#level - ((now - this.#at) * this.#perSecond) / 1_000;
    this.#at = now;
    this.#level = (left > 0 ? left : 0) + amount;
    return this.#level > this.#perSecond * burstSeconds;
  }
}

/**
 * Node's HTTP/2 shows no window, priority or empty frame, and a look at each would cost more than a request. But every byte
 * that was read is a request's, content, or neither: what is neither has a measure.
 */
export class Ledger {
  readonly #time: () => number;
  readonly #waste: Bucket;
  readonly #control: Bucket;
  readonly #resets: Bucket;
  /** What may be read before it counts as waste. */
  #earned = requestOverheadBytes;
  /** What may still come of bodies that nobody wants any more. */
  #forgiven = 0;
  readonly #forgivenMax: number;
  readonly #windowBytes: number;
  #read = 0;
  #sent = 0;

  constructor(limits: Limits, time: () => number) {
    this.#time = time;
    this.#windowBytes = limits.http2WindowBytes;
    this.#forgivenMax = limits.http2WindowBytes * 4;
    this.#waste = new Bucket(limits.http2WasteBytesPerSecondMax, time());
    this.#control = new Bucket(limits.http2ControlFramesPerSecondMax, time());
    this.#resets = new Bucket(limits.http2ResetsPerSecondMax, time());
  }

  /** A request came with so many bytes of fields. */
  asked(bytes: number): void {
    this.#earned += bytes + requestOverheadBytes;
  }

  /** Content came, in one frame. */
  brought(bytes: number): void {
    this.#earned += bytes + frameOverheadBytes;
  }

  /** A body is read no further: a window of it may be on its way. */
  left(): void {
    this.#forgiven = Math.min(this.#forgiven + this.#windowBytes, this.#forgivenMax);
  }

  /** A frame that must be answered. Whether there were too many. */
  controlled(): boolean {
    return this.#control.pour(1, this.#time());
  }

  /** A stream came to nothing. Whether too many did. */
  reset(): boolean {
    return this.#resets.pour(1, this.#time());
  }

  /** Whether too much was read that was neither. `read` and `sent`: bytes of the connection until now, less content that waits unread. */
  wasted(read: number, sent: number): boolean {
    this.#earned += (sent - this.#sent) / sentPerAcknowledged;
    this.#sent = sent;
    const beyond = read - this.#read - this.#earned;
    this.#read = read;
    // What a frame brings may be told after its bytes were counted.
    this.#earned = beyond < 0 ? Math.min(-beyond, frameOverheadBytes * 16) : 0;
    if (beyond <= 0) return this.#waste.pour(0, this.#time());
    const forgiven = Math.min(beyond, this.#forgiven);
    this.#forgiven -= forgiven;
    return this.#waste.pour(beyond - forgiven, this.#time());
  }
}
