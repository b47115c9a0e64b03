/** Text that is safe to show: what others sent never commands the terminal. */

/** Marks and controls that a terminal would obey: 0x9b begins a command in 8-bit terminals; the others turn or hide writing. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One JSON text on one line, with such characters escaped; still the same value. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(unsafe, escaped);
}

/** JSON has escapes of 16 bits only: a mark beyond them is a pair. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
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
