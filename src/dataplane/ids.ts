/** Names for exchanges: unique, sortable by time, cheap. They are no secret and guard nothing. */

import { onePiece } from '../core/one-piece.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** All pairs of digits, in their order. */
const PAIRS: readonly string[] = Array.from(ALPHABET).flatMap((high) => Array.from(ALPHABET, (low) => high + low));

/** Crockford's base 32, as ULID writes it. */
function base32(value: number, digits: number): string {
  let text = '';
  let rest = value;
  for (let digit = 0; digit < digits; digit += 1) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/**
 * 26 characters: ten of time (milliseconds), eight drawn once a process, eight counted.
 * Two processes differ by their draw; one process never repeats itself.
 */
export function createIds(now: () => number, randomBytes: (count: number) => Uint8Array): () => string {
  const draw = Array.from(randomBytes(8), (byte) => ALPHABET.charAt(byte % 32)).join('');
  let count = 0;
  let time = -1;
  let prefix = '';
  return () => {
    const moment = now();
    const last = count % PAIRS.length;
    // The time and the upper six digits of the count: made anew when either changes.
    if (moment !== time || last === 0) {
      time = moment;
      prefix = onePiece(base32(moment, 10), draw, base32(Math.floor(count / PAIRS.length), 6));
    }
    count += 1;
    return `${prefix}${PAIRS[last] ?? ''}`;
  };
}
