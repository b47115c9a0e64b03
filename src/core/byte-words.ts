/** A count of bytes for people. */

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** `1.5 GB`: powers of a thousand, as limits are written; three digits at most before the point. */
export function byteWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const text = unit === 0 || value >= 99.95 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '');
  return `${text} ${units[unit] ?? ''}`;
}
