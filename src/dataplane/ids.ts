/** Names for exchanges: unique, sortable by time, cheap. They are no secret and guard nothing. */

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

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
    if (moment !== time) {
      time = moment;
      prefix = base32(moment, 10) + draw;
    }
    count += 1;
    return prefix + base32(count, 8);
  };
}
