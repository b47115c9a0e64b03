/** Which of our languages a visitor reads best: Accept-Language (RFC 9110, 12.5.4), by lookup (RFC 4647, 3.4). */

import { withoutBlanks } from '../blanks.ts';
import type { Fields } from '../http/fields.ts';

/** Longer than any browser sends, and short enough to be read for every refusal. */
const charactersMax = 256;
const rangesMax = 16;

/** RFC 4647, 2.1, and a weight (RFC 9110, 12.4.2). */
const element = /^([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/i;

type Range = Readonly<{ tag: string; weight: number }>;

/**
 * A key of `ours`. The best range of the visitor's decides: `de-AT` finds `de`, `*` is the usual language or else the first
 * that is not refused by q=0. A field that is malformed or out of bounds is as good as none: the usual language.
 * @param ours by tag in small letters
 */
export function chosenLanguage(fields: Fields, ours: ReadonlyMap<string, unknown>, usual: string): string {
  const ranges = readRanges(fields);
  if (ranges === null) return usual;
  const refused = new Set(ranges.filter(({ weight }) => weight === 0).map(({ tag }) => tag));
  const wanted = ranges.filter(({ weight }) => weight > 0).toSorted((one, other) => other.weight - one.weight);
  for (const { tag } of wanted) {
    const found = tag === '*' ? [usual, ...ours.keys()].find((each) => !refused.has(each)) : lookedUp(tag, ours, refused);
    if (found !== undefined) return found;
  }
  return usual;
}

/** RFC 4647, 3.4: the range is cut from its end until something is found; a single letter goes with what follows it. */
function lookedUp(range: string, ours: ReadonlyMap<string, unknown>, refused: ReadonlySet<string>): string | undefined {
  const parts = range.split('-');
  while (parts.length > 0) {
    const tag = parts.join('-');
    if (ours.has(tag) && !refused.has(tag)) return tag;
    parts.pop();
    if (parts.at(-1)?.length === 1) parts.pop();
  }
  return undefined;
}

/** Null where none was sent, and for what is no list of ranges. Empty elements are nothing (RFC 9110, 5.6.1.2). */
function readRanges(fields: Fields): readonly Range[] | null {
  const values = fields.filter(({ lower }) => lower === 'accept-language').map(({ value }) => value);
  if (values.reduce((sum, { length }) => sum + length, 0) > charactersMax) return null;
  const ranges: Range[] = [];
  for (const part of values.join(',').split(',')) {
    const text = withoutBlanks(part);
    if (text === '') continue;
    const read = element.exec(text);
    if (read === null || ranges.length >= rangesMax) return null;
    ranges.push({ tag: (read[1] ?? '').toLowerCase(), weight: Number(read[2] ?? '1') });
  }
  return ranges.length === 0 ? null : ranges;
}
