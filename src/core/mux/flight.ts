/**
 * How much of our data may be on its way at once. A kernel takes megabytes for a slow line, and then a ping, a
 * credit and the first byte of a small answer stand seconds behind somebody's download. What waits here instead
 * takes turns by stream, and control frames overtake it. Each ping marks what was sent before it, its pong says
 * that all of that has arrived: bytes and round trip give the rate of the line (Little's law), and what the line
 * holds beyond it is only queue (as TCP Vegas and BBR see it; but with much patience, so that the carrier does
 * not give way to every download beside it).
 */

const startBytes = 1_048_576;
const leastBytes = 262_144;
const mostBytes = 16_777_216;
/** What may queue on the way. Less, and we would starve beside connections that fill every queue. */
const queueMs = 200;
/** A mark costs a ping and its pong: so long between two, unless all stands still for one. */
const markMs = 5;
/**
 * How often the shortest round trip is taken anew, with little on its way (BBR's ProbeRTT): a way may become
 * longer, and of a queue that always stands it is else not known what it adds. Costs a round trip of rate.
 */
const leastOfMs = 15_000;

export class Flight {
  #mostBytes = startBytes;
  #sent = 0;
  #arrived = 0;
  #markedBytes = 0;
  #markedAt = 0;
  #limited = false;
  #least = Infinity;
  #leastAt = 0;
  #probing = false;

  /** How much more may go now. */
  get room(): number {
    return Math.max(0, this.#limit - (this.#sent - this.#arrived));
  }

  get #limit(): number {
    return this.#probing ? leastBytes : this.#mostBytes;
  }

  /** Written, and whether more would have been. */
  sent(bytes: number, more: boolean): void {
    this.#sent += bytes;
    if (more && this.room === 0) this.#limited = true;
  }

  /** Whether a ping is worth it now, to learn what has arrived. */
  wantsMark(now: number): boolean {
    const open = this.#sent - this.#arrived;
    return open * 4 >= this.#limit && (now - this.#markedAt >= markMs || open >= this.#limit);
  }

  /** A ping goes behind all that was sent. */
  mark(now: number): void {
    this.#markedBytes = this.#sent;
    this.#markedAt = now;
  }

  /** Its pong has come. */
  arrived(now: number): void {
    const tookMs = Math.max(0.01, now - this.#markedAt);
    const carried = this.#markedBytes - this.#arrived;
    this.#arrived = this.#markedBytes;
    if (this.#probing) return this.#probed(tookMs, carried, now);
    this.#least = Math.min(this.#least, tookMs);
    if (this.#leastAt === 0) this.#leastAt = now;
    this.#probing = now - this.#leastAt >= leastOfMs;
    // What the line carries in the time that is good: only what was full says so.
    const fits = Math.floor((carried * (this.#least + queueMs)) / tookMs);
    if (fits > this.#mostBytes && this.#limited) this.#mostBytes = Math.min(this.#mostBytes * 2, fits, mostBytes);
    else if (fits < this.#mostBytes && carried * 2 >= this.#mostBytes) this.#mostBytes = Math.max(this.#mostBytes / 2, fits, leastBytes);
    this.#limited = false;
  }

  /** The mark that was set with little on its way is what tells. */
  #probed(tookMs: number, carried: number, now: number): void {
    if (carried > leastBytes) return;
    this.#least = tookMs;
    this.#leastAt = now;
    this.#probing = false;
  }
}
