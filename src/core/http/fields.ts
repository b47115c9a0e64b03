/** The fields of a message in the order in which they came. */

/** `line` is how it is sent on: `name: value` and CRLF. */
export type Field = Readonly<{ name: string; lower: string; value: string; line: string }>;
export type Fields = readonly Field[];

/** One that was not read: for what we say ourselves, and for tests. */
export function fieldOf(name: string, value: string): Field {
  return { name, lower: name.toLowerCase(), value, line: `${name}: ${value}\r\n` };
}

/**
 * The line of a field that was read: cut from `text` where it stands there as we would write it (one space before the
 * value, nothing behind it), so that a head is sent on in a few pieces. `start` to `end` is the value.
 */
export function lineOf(text: string, name: string, nameEnd: number, start: number, end: number): string {
  const asWritten = start === nameEnd + 2 && text.charCodeAt(nameEnd + 1) === 0x20 && text.charCodeAt(end) === 0x0d;
  return asWritten ? text.slice(nameEnd - name.length, end + 2) : `${name}: ${text.slice(start, end)}\r\n`;
}

/** The value of the first field of that (lower-case) name. */
export function fieldValue(fields: Fields, lower: string): string | undefined {
  for (const field of fields) {
    if (field.lower === lower) return field.value;
  }
  return undefined;
}
