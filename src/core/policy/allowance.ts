/** How often somebody may come: a bucket for each key that fills evenly, in bounded memory (GCRA). */

export type Quota = Readonly<{
  /** So many in `perMs`, and as many at once. */
  count: number;
  perMs: number;
}>;

/** What sums of fractions lose. */
const roundingMs = 0.001;

/**
 * The generic cell rate algorithm (ITU-T I.371): one number a key, the moment at which its bucket is full again. As exact as
 * a token bucket and smaller. Pure but for its own memory: time is handed in.
 */
export class Allowance {
  readonly #keysMax: number;
  /** When each bucket is full again, in the order in which they were last taken from. */
  readonly #fullAt = new Map<string, number>();

  /** @param keysMax keys that are remembered; the one that was quiet longest is forgotten first, and then has a full bucket */
  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  /**
   * Takes one, if there is one. Who is refused is not counted, so that waiting helps.
   * @param now milliseconds
   * @returns milliseconds until there is one, or 0 when it was taken
   */
  take(key: string, { count, perMs }: Quota, now: number): number {
    const emptyAt = now + perMs;
    let before = this.#fullAt.get(key) ?? now;
    // Further ahead than an empty bucket: the clock was set back, or the quota changed. Nobody is locked out for as long.
    if (before > emptyAt + roundingMs) {
      before = emptyAt;
      this.#fullAt.set(key, before);
    }
    const fullAt = Math.max(before, now) + perMs / count;
    const wait = fullAt - emptyAt;
    if (wait > roundingMs) return Math.ceil(wait);
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt);
    if (this.#fullAt.size > this.#keysMax) {
      const [oldest] = this.#fullAt.keys();
      if (oldest !== undefined) this.#fullAt.delete(oldest);
    }
    return 0;
  }

  get size(): number {
    return this.#fullAt.size;
  }
}
