/** The bytes of an unfinished section, kept until the rest of it comes. */

/** Of every connection that keeps nothing. */
const none = new Uint8Array(0);

export class KeptBytes {
  /** What is kept lies in `bytes[0, length)`. */
  bytes: Uint8Array = none;
  length = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Nothing is kept any more, and no memory for it. */
  clear(): void {
    this.bytes = none;
    this.length = 0;
  }

  /** Appends what is new, at most to the limit. The buffer doubles: 16 KiB in single bytes are copied 6 times, not 16,384. */
  append(chunk: Uint8Array, at: number): void {
    const count = Math.min(chunk.length - at, this.#bytesMax - this.length);
    const needed = this.length + count;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(512, needed * 2)));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(chunk.subarray(at, at + count), this.length);
    this.length = needed;
  }
}
