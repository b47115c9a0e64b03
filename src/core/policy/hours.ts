/** Hours of a person or a program: when they may come in, by the clock on a wall somewhere. */

import { isWithin, isZone, readTimeOfDay, weekdays, type TimeSpan, type Weekday } from './match-time.ts';

export const hoursExpected = 'hours like "Mon-Fri 08:00-18:00 Europe/Vienna", several with ; between';

const textCharsMax = 256;
const spansMax = 8;
/** As many texts as are remembered in their parts: people share them. */
const knownMax = 256;

/**
 * Reads `Mon-Fri 08:00-18:00 Europe/Vienna`, `Sat,Sun 10:00-14:00 UTC`, `daily 22:00-06:00 UTC`; several with `;` between.
 * What begins on a day and goes past midnight belongs to that day.
 * @returns null for anything else
 */
export function readHours(text: string): readonly TimeSpan[] | null {
  if (text.length > textCharsMax) return null;
  const spans = text.split(';').map((part) => readSpan(part.trim()));
  const read = spans.filter((span) => span !== null);
  return read.length === spans.length && read.length <= spansMax ? read : null;
}

function readSpan(text: string): TimeSpan | null {
  const [days = '', time = '', zone = '', ...more] = text.split(/ +/);
  const [from = null, to = null] = time.split('-').map(readTimeOfDay);
  const named = readDays(days);
  if (more.length > 0 || time.split('-').length !== 2 || from === null || to === null || from === to || from === 1_440) return null;
  return named === null || !isZone(zone) ? null : { from, to, days: named, zone };
}

function readDays(text: string): readonly Weekday[] | null {
  if (text.toLowerCase() === 'daily') return weekdays;
  const named = text.split(',').map(readRange);
  const all = named.flatMap((range) => range ?? []);
  return named.includes(null) || new Set(all).size !== all.length ? null : all;
}

/** `Fri-Mon` goes over the weekend. */
function readRange(text: string): readonly Weekday[] | null {
  const ends = text.split('-').map((day) => weekdays.findIndex((each) => each === day.toLowerCase()));
  const [first = -1, last = first] = ends;
  if (ends.length > 2 || first === -1 || last === -1) return null;
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, at) => weekdays[(first + at) % 7] ?? 'mon');
}

const known = new Map<string, readonly ((at: number) => boolean)[] | null>();

/**
 * Whether a moment, milliseconds since 1970, lies within the hours. Text that cannot be read is no hour of any day. Asked with
 * each request: nothing is read twice.
 */
export function withinHours(text: string, at: number): boolean {
  let spans = known.get(text);
  if (spans === undefined) {
    spans = readHours(text)?.map((span) => isWithin(span)) ?? null;
    if (known.size >= knownMax) known.clear();
    known.set(text, spans);
  }
  return spans !== null && spans.some((span) => span(at));
}
