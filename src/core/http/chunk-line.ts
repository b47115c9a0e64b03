/** The line before the data of a chunk: its size, and extensions that are checked and forgotten (RFC 9112, 7.1). */

import { type Fault, fault } from '../errors.ts';
import { carriageReturn, valueOctet, hexValue, lineFeed, tokenOctet } from './octets.ts';

/** 13 hex digits are below 2^53; with leading zeros 16 are taken. */
const digitsMax = 16;
const sizeMax = 2 ** 52;

const semicolon = 59;
const equals = 61;
const quote = 34;
const backslash = 92;

/** What is expected next. */
type Phase = 'size' | 'nameStart' | 'name' | 'valueStart' | 'value' | 'quoted' | 'escaped' | 'afterQuote' | 'lineEnd';

/**
 * Reads one line at any split. Size: hex digits only (no sign, no 0x, no whitespace, no underscore). Extensions:
 * `;name`, `;name=token`, `;name="quoted"` without whitespace around them, which RFC 9112, 7.1.1 calls bad.
 */
export class ChunkLine {
  /** Octets of the line so far, with its CRLF. */
  length = 0;
  size = 0;
  readonly #bytesMax: number;
  #digits = 0;
  #phase: Phase = 'size';

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  reset(): void {
    this.length = 0;
    this.size = 0;
    this.#digits = 0;
    this.#phase = 'size';
  }

  /** The index after the line, a fault, or null when more is needed. */
  take(chunk: Uint8Array, at: number): number | Fault | null {
    for (let p = at; p < chunk.length; p += 1) {
      // `p` lies within the chunk.
      const octet = chunk[p] as number;
      this.length += 1;
      if (this.length > this.#bytesMax) return fault('body-malformed', 'a chunk line that is too long');
      if (this.#phase === 'lineEnd') return octet === lineFeed ? p + 1 : fault('body-malformed', 'a bare CR in a chunk line');
      const wrong = this.#phase === 'size' ? this.#readSize(octet) : this.#readExtension(octet);
      if (wrong !== null) return fault('body-malformed', wrong);
    }
    return null;
  }

  #readSize(octet: number): string | null {
    const value = hexValue[octet] ?? 255;
    if (value !== 255) {
      this.#digits += 1;
      this.size = this.size * 16 + value;
      return this.#digits > digitsMax || this.size >= sizeMax ? 'a chunk size that is too large' : null;
    }
    if (this.#digits === 0) return 'a chunk size that is not hexadecimal';
    if (octet === carriageReturn) this.#phase = 'lineEnd';
    else if (octet === semicolon) this.#phase = 'nameStart';
    else return 'an octet behind the chunk size that cannot stand there';
    return null;
  }

  #readExtension(octet: number): string | null {
    const isToken = tokenOctet[octet] === 1;
    switch (this.#phase) {
      case 'nameStart':
      case 'valueStart':
        if (isToken) this.#phase = this.#phase === 'nameStart' ? 'name' : 'value';
        else if (this.#phase === 'valueStart' && octet === quote) this.#phase = 'quoted';
        else return 'a chunk extension without a name or a value';
        return null;
      case 'name':
        if (isToken) return null;
        if (octet !== equals) return this.#endExtension(octet);
        this.#phase = 'valueStart';
        return null;
      case 'value':
        return isToken ? null : this.#endExtension(octet);
      case 'afterQuote':
        return this.#endExtension(octet);
      case 'quoted':
        if (valueOctet[octet] !== 1) return 'a control character in a quoted chunk extension';
        if (octet === quote) this.#phase = 'afterQuote';
        if (octet === backslash) this.#phase = 'escaped';
        return null;
      case 'escaped':
        this.#phase = 'quoted';
        return valueOctet[octet] === 1 ? null : 'a control character in a quoted chunk extension';
      default:
        return 'a chunk line out of order';
    }
  }

  #endExtension(octet: number): string | null {
    if (octet === semicolon) this.#phase = 'nameStart';
    else if (octet === carriageReturn) this.#phase = 'lineEnd';
    else return 'an octet in a chunk extension that cannot stand there';
    return null;
  }
}
