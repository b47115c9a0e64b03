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
/**
 * One bit for each of 65,536 classes of words that the visitor has said: 8 KiB a flow, and nothing is forgotten. A word that
 * shares its class with one that was said proves nothing, so who says very much without an answer finds it ever harder.
 */
const saidBytes = 8_192;
/** Nobody begins with a datagram that no Ethernet carries whole: after one, nothing is a proof. Reading all of it would cost too much. */
const saidAtOnceMax = 1_500;

export class FlowAllowance {
  #sent = 0;
  #got = 0;
  #proved = false;
  /** Words of the last answers that the visitor had not said itself. */
  #told: readonly (readonly number[])[] = [];
  #said: Uint8Array | null = null;

  get isProved(): boolean {
    return this.#proved;
  }

  /** The visitor sent this. */
  came(datagram: Uint8Array): void {
    this.#sent += datagram.length;
    if (this.#proved) return;
    if (wordsOf(datagram, lookedAtBytes).some((word) => this.#told.some((told) => told.includes(word)))) return this.#prove();
    this.#say(datagram);
  }

  /** Whether this may go to the visitor; then it is counted. */
  mayGo(datagram: Uint8Array): boolean {
    if (this.#got + datagram.length > this.#sent * (this.#proved ? proved : unproved)) return false;
    this.#got += datagram.length;
    if (!this.#proved) {
      this.#told = [...this.#told.slice(1 - answersMax), wordsOf(datagram, lookedAtBytes).filter((word) => !this.#hasSaid(word))];
    }
    return true;
  }

  /** All of it: a service may move to the front of its answer what stood behind. */
  #say(datagram: Uint8Array): void {
    const said = (this.#said ??= new Uint8Array(saidBytes));
    if (datagram.length > saidAtOnceMax) return void said.fill(0xff);
    for (const word of wordsOf(datagram, datagram.length)) {
      const bit = classOf(word);
      said[bit >>> 3] = (said[bit >>> 3] ?? 0) | (1 << (bit & 7));
    }
  }

  #hasSaid(word: number): boolean {
    const bit = classOf(word);
    return this.#said !== null && ((this.#said[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }

  #prove(): void {
    this.#proved = true;
    this.#told = [];
    this.#said = null;
  }
}

/** Multiplicative hashing (Knuth, 6.4), the upper sixteen bits. */
function classOf(word: number): number {
  return Math.imul(word, 0x9e37_79b1) >>> 16;
}

/** Every four bytes of the first `most` that are worth a proof: zeros, padding and small counters are in everybody's datagrams. */
function wordsOf(datagram: Uint8Array, most: number): readonly number[] {
  const words: number[] = [];
  const end = Math.min(datagram.length, most);
  for (let at = 0; at + proofBytes <= end; at += 1) {
    const [a = 0, b = 0, c = 0, d = 0] = [datagram[at], datagram[at + 1], datagram[at + 2], datagram[at + 3]];
    // Three different bytes at least.
    const pairs = Number(a === b) + Number(a === c) + Number(a === d) + Number(b === c) + Number(b === d) + Number(c === d);
    if (pairs <= 1) words.push(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  }
  return words;
}
