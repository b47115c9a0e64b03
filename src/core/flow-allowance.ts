/**
 * How much may be sent to an address that nobody has proved to be there: a relay must be no reflector (docs/decisions/0029).
 * As RFC 9000, 8.1: three times what has come from it. More only when it has shown bytes that it can have from us alone.
 */

/** RFC 9000, 8.1. */
const unproved = 3;
/**
 * And when it has: QUIC acknowledges ten packets of 1,200 bytes in 50, WireGuard two of 1,420 in 96. Whatever was proved,
 * a service that answers a word with a book (memcached, NTP's monlist) is no weapon.
 */
const proved = 250;

/** Where protocols keep what is to be repeated: QUIC's connection id, DTLS's cookie, WireGuard's index, a game's challenge. */
const lookedAtBytes = 96;
/** One guess in 2^32 for each pair of places: two millionths for both fronts. */
const proofBytes = 4;
/** Fronts of answers that are remembered, the last ones. */
const answersMax = 4;
/** Words of the visitor that are remembered: eleven datagrams and 4 KiB. */
const saidMax = 1_024;

export class FlowAllowance {
  #sent = 0;
  #got = 0;
  #proved = false;
  /** Words of the last answers that the visitor had not said itself. */
  #told: readonly (readonly number[])[] = [];
  #said = new Uint32Array(64);
  #saidCount = 0;

  get isProved(): boolean {
    return this.#proved;
  }

  /** It said more than is remembered and proved nothing: no proof is taken any more, for it might be its own words. */
  get isExhausted(): boolean {
    return !this.#proved && this.#saidCount >= saidMax;
  }

  /** The visitor sent this. */
  came(datagram: Uint8Array): void {
    this.#sent += datagram.length;
    if (this.#proved || this.isExhausted) return;
    for (const word of wordsOf(datagram)) {
      if (this.#told.some((told) => told.includes(word))) return this.#prove();
      this.#say(word);
    }
  }

  /** Whether this may go to the visitor; then it is counted. */
  mayGo(datagram: Uint8Array): boolean {
    if (this.#got + datagram.length > this.#sent * (this.#proved ? proved : unproved)) return false;
    this.#got += datagram.length;
    if (!this.#proved && !this.isExhausted) {
      const said = this.#said.subarray(0, this.#saidCount);
      this.#told = [...this.#told.slice(1 - answersMax), wordsOf(datagram).filter((word) => !said.includes(word))];
    }
    return true;
  }

  #say(word: number): void {
    if (this.#saidCount >= saidMax || this.#said.subarray(0, this.#saidCount).includes(word)) return;
    if (this.#saidCount === this.#said.length) {
      const longer = new Uint32Array(this.#said.length * 2);
      longer.set(this.#said);
      this.#said = longer;
    }
    this.#said[this.#saidCount++] = word;
  }

  #prove(): void {
    this.#proved = true;
    this.#told = [];
    this.#said = new Uint32Array(0);
    this.#saidCount = 0;
  }
}

/** Every four bytes of the front that are worth a proof: zeros, padding and small counters are in everybody's datagrams. */
function wordsOf(datagram: Uint8Array): readonly number[] {
  const words: number[] = [];
  const end = Math.min(datagram.length, lookedAtBytes);
  for (let at = 0; at + proofBytes <= end; at += 1) {
    const [a = 0, b = 0, c = 0, d = 0] = [datagram[at], datagram[at + 1], datagram[at + 2], datagram[at + 3]];
    // Three different bytes at least.
    const pairs = Number(a === b) + Number(a === c) + Number(a === d) + Number(b === c) + Number(b === d) + Number(c === d);
    if (pairs <= 1) words.push(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  }
  return words;
}
