/** Whether the part behind `xn--` is Punycode (RFC 3492) of a label that is not plain ASCII. */

/**
 * Decodes and looks, without keeping the label: `a` decodes to a control character, `abc-` to plain ASCII, `99999999`
 * to nothing. Resolvers, browsers and certificate libraries disagree on such names, so they are no names here.
 * Not verified: the tables of IDNA 2008 (which letters a registry would take).
 */
export function isPunycode(encoded: string): boolean {
  const dash = encoded.lastIndexOf('-');
  let length = Math.max(0, dash);
  let at = dash + 1;
  if (at >= encoded.length) return false;
  let codePoint = 128;
  let position = 0;
  let bias = 72;
  while (at < encoded.length) {
    const before = position;
    let weight = 1;
    for (let k = 36; ; k += 36) {
      const digit = digitOf(encoded.charCodeAt(at));
      at += 1;
      if (digit === null) return false;
      position += digit * weight;
      if (position > 0x7fff_ffff) return false;
      const threshold = Math.min(26, Math.max(1, k - bias));
      if (digit < threshold) break;
      weight *= 36 - threshold;
    }
    length += 1;
    bias = adapted(position - before, length, before === 0);
    codePoint += Math.floor(position / length);
    position = (position % length) + 1;
    if (codePoint > 0x10ffff || codePoint < 0xa0 || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return false;
  }
  return true;
}

/** RFC 3492, 6.1. */
function adapted(delta: number, length: number, first: boolean): number {
  let rest = first ? Math.floor(delta / 700) : Math.floor(delta / 2);
  rest += Math.floor(rest / length);
  let k = 0;
  while (rest > 455) {
    rest = Math.floor(rest / 35);
    k += 36;
  }
  return k + Math.floor((36 * rest) / (rest + 38));
}

/** a–z are 0–25, 0–9 are 26–35; past the end is null. */
function digitOf(character: number): number | null {
  if (character >= 97 && character <= 122) return character - 97;
  if (character >= 48 && character <= 57) return character - 22;
  return null;
}
