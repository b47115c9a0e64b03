/** Lines that wait to be written, as bytes: as strings they would outlive two collections of garbage, and cost more than they say. */

const startBytes = 65_536;

/** ASCII lines only: a character is a byte. */
export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(startBytes);
  #used = 0;

  get length(): number {
    return this.#used;
  }

  push(line: string): void {
    const needed = this.#used + line.length;
    if (needed > this.#bytes.length) {
      const wider = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(wider, 0, 0, this.#used);
      this.#bytes = wider;
    }
    this.#used += this.#bytes.write(line, this.#used, 'latin1');
  }

  /** Hands all of it over; what comes next waits in a buffer of its own. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#used);
    this.#bytes = Buffer.allocUnsafeSlow(startBytes);
    this.#used = 0;
    return taken;
  }
}
