/** One table a work, aligned for people. */

/** The first column stands left, numbers right. */
export function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  return ['', title, '', line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line), ''].join('\n');
}

export function figure(value: number, digits = 1): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `1.4 ×`, or a dash where there is nothing to compare with. */
export function ratio(ours: number, theirs: number | undefined): string {
  return theirs === undefined || theirs === 0 || ours === 0 ? '–' : `${figure(ours / theirs, 2)} ×`;
}
