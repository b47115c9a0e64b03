/** Reads what stands in a line of the program: the texts, and who may come in. */

import assert from 'node:assert/strict';
import type { Line } from './program.ts';

export function text(line: Line | undefined, key: string): string {
  const value = line?.[key];
  assert.equal(typeof value, 'string', `${key} of ${JSON.stringify(line)}`);
  return String(value);
}

/** The ways in of a ready line. */
export function accessOf(line: Line): readonly Readonly<Record<string, unknown>>[] {
  return line['access'] as readonly Readonly<Record<string, unknown>>[];
}

/** The secret link of a ready line. */
export function linkOf(line: Line): string {
  return String(accessOf(line).find(({ kind }) => kind === 'link')?.['url']);
}
