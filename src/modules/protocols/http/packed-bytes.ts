/** Bytes that are kept for a while: small pieces are put together, so that a body in pieces of one byte costs a byte each. */

/** A piece below this is copied: as a view it would cost an object of its own, and keep all of the chunk that it was cut from. */
const smallBytes = 4_096;
const blockBytes = 16_384;

export class PackedBytes {
  #pieces: Uint8Array[] = [];
  #block: Buffer | null = null;
  #used = 0;
  #bytes = 0;

  /** How many are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (bytes.length >= smallBytes) {
      this.#seal();
      this.#pieces.push(bytes);
      return;
    }
    if (this.#block === null || this.#used + bytes.length > this.#block.length) {
      this.#seal();
      // Many bodies are short: the first block is no longer than they are.
      this.#block = Buffer.allocUnsafe(this.#pieces.length === 0 ? smallBytes : blockBytes);
    }
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Hands all of it over, in its order. */
  take(): readonly Uint8Array[] {
    this.#seal();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    return pieces;
  }

  #seal(): void {
    if (this.#block !== null && this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = null;
    this.#used = 0;
  }
}
