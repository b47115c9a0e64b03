/** Which octets may stand where in a head: lookup tables, one byte an octet. */

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';

/** RFC 9110, 5.6.2: what names of methods and fields are made of. */
export const tokenOctet = table(`${letters}${digits}!#$%&'*+-.^_\`|~`);

/**
 * RFC 9110, 5.5: visible ASCII, obs-text, SP and HTAB. Everything else (NUL, CR, LF, other controls, DEL) is refused:
 * it may be replaced by SP as well, but one reading is refused and the other is guessed.
 */
export const valueOctet = new Uint8Array(256).map((_, octet) => Number(octet === 9 || (octet >= 32 && octet !== 127)));

/**
 * RFC 3986 characters of path and query, without `#` (a fragment is never sent) and without the backslash, which
 * some servers read as a slash. `[ ] | ^` and, in a query, `{ } \`` are not of that grammar, but browsers send them raw.
 */
export const pathOctet = table(`${letters}${digits}-._~!$&'()*+,;=:@/%[]|^`);
export const queryOctet = table(`${letters}${digits}-._~!$&'()*+,;=:@/%[]|^?{}\``);

/** RFC 3986, 3.2.2 reg-name without percent-encoding (nobody sends it, decoders differ) and without the comma (lists of Host differ). */
export const registeredName = table(`${letters}${digits}-._~!$&'()*+;=`);

export const digit = table(digits);

/** The value of a hex digit, 255 for everything else. */
export const hexValue = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value += 1) {
  hexValue[value.toString(16).charCodeAt(0)] = value;
  hexValue[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

export const tab = 9;
export const lineFeed = 10;
export const carriageReturn = 13;
export const space = 32;
export const colon = 58;
export const questionMark = 63;

/** Whether every character of `text` is of the class. Characters beyond one octet never are. */
export function consistsOf(text: string, octets: Uint8Array): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (octets[text.charCodeAt(at)] !== 1) return false;
  }
  return true;
}

function table(characters: string): Uint8Array {
  const octets = new Uint8Array(256);
  for (let at = 0; at < characters.length; at += 1) octets[characters.charCodeAt(at)] = 1;
  return octets;
}
