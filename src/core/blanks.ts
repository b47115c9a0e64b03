/** Optional whitespace of HTTP (RFC 9110, 5.6.3): spaces and tabs, and nothing else that `trim` would cut. */

/** Without the blanks around it. In one pass from each end: a pattern would look at a run of blanks once for each of them (ReDoS). */
export function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x09;
}
