/** The fields of a message in the order in which they came. */

export type Field = Readonly<{ name: string; lower: string; value: string }>;
export type Fields = readonly Field[];

/** The value of the first field of that (lower-case) name. */
export function fieldValue(fields: Fields, lower: string): string | undefined {
  for (const field of fields) {
    if (field.lower === lower) return field.value;
  }
  return undefined;
}
