/** Text that is safe to show: what others sent never commands the terminal. */

/**
 * C0, DEL and C1 (0x9b begins a command in 8-bit terminals), line separators, and the marks that
 * turn the direction of writing ("Trojan Source", CVE-2021-42574): each becomes visible as `\u{1b}`.
 * A newline is a control character too: whoever wants lines joins printable parts.
 */
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;

/** Shows control characters instead of sending them. */
export function printable(text: string): string {
  return text.replaceAll(unsafe, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}

/** One JSON text on one line, with the same characters escaped; still the same value. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const none = /\p{Mn}|\p{Me}/u;

/** How many columns a printable text takes; colours count nothing. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text.replaceAll(colour, '')) columns += none.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return columns;
}

/** What `paint` writes, and nothing else. */
// oxlint-disable-next-line no-control-regex -- these are the characters that are looked for
const colour = /\u001b\[\d{1,3}m/g;

/** Cuts a printable text without colours to some columns, with … at the end of what was cut. */
export function clipped(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let used = 1;
  for (const character of text) {
    used += columnsOf(character);
    if (used > columns) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : '';
}
