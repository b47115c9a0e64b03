/** Datagrams in a stream: each behind its length, so that it keeps its bounds. Described in docs/wire-protocol.md. */

import type { Fault } from './errors.ts';
import { fault } from './errors.ts';

/** The payload of UDP over IPv4 (RFC 768, RFC 791): 65,535 less 20 and 8. */
export const datagramBytesMax = 65_507;
export const datagramHeaderBytes = 2;

/** Cuts a stream back into datagrams. Holds one that is not whole yet, and nothing else. */
export class DatagramReader {
  /** What is there of a datagram that is not whole, its length included. */
  #kept: Uint8Array | null = null;
  #used = 0;

  /**
   * Hands each whole datagram to `take`: a view that is good until `take` returns. After a fault nothing is pushed.
   * Errors: `frame-too-long` for a length above what UDP can have, judged before anything of it is kept.
   */
  push(bytes: Uint8Array, take: (datagram: Uint8Array) => void): Fault | null {
    let at = 0;
    while (at < bytes.length) {
      if (this.#kept === null && bytes.length - at >= datagramHeaderBytes) {
        const length = lengthAt(bytes, at);
        if (length > datagramBytesMax) return tooLong(length);
        const end = at + datagramHeaderBytes + length;
        if (end <= bytes.length) {
          take(bytes.subarray(at + datagramHeaderBytes, end));
          at = end;
          continue;
        }
      }
      const wrong = this.#keep(bytes, at, take);
      if (typeof wrong !== 'number') return wrong;
      at = wrong;
    }
    return null;
  }

  /** The stream has ended. Error: `frame-malformed` in the middle of a datagram. */
  end(): Fault | null {
    return this.#kept === null ? null : fault('frame-malformed', 'the stream ended in the middle of a datagram');
  }

  /** Returns where it stopped reading. */
  #keep(bytes: Uint8Array, at: number, take: (datagram: Uint8Array) => void): number | Fault {
    const kept = this.#kept ?? new Uint8Array(datagramHeaderBytes);
    this.#kept = kept;
    const count = Math.min(kept.length - this.#used, bytes.length - at);
    kept.set(bytes.subarray(at, at + count), this.#used);
    this.#used += count;
    if (this.#used < kept.length) return at + count;
    const whole = datagramHeaderBytes + lengthAt(kept, 0);
    if (whole - datagramHeaderBytes > datagramBytesMax) return tooLong(whole - datagramHeaderBytes);
    if (whole > kept.length) {
      const longer = new Uint8Array(whole);
      longer.set(kept);
      this.#kept = longer;
      return at + count;
    }
    this.#kept = null;
    this.#used = 0;
    take(kept.subarray(datagramHeaderBytes));
    return at + count;
  }
}

/** A datagram behind its length, in bytes of its own. Null when it is longer than one can be. */
export function framedDatagram(datagram: Uint8Array): Uint8Array | null {
  if (datagram.length > datagramBytesMax) return null;
  const framed = new Uint8Array(datagramHeaderBytes + datagram.length);
  framed[0] = datagram.length >>> 8;
  framed[1] = datagram.length & 0xff;
  framed.set(datagram, datagramHeaderBytes);
  return framed;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function tooLong(length: number): Fault {
  return fault('frame-too-long', `a datagram of ${length} bytes`);
}
