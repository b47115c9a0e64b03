/** Times of the day and days of the week in rules, by the clock on a wall somewhere. */

import type { Match } from './match.ts';

/** As they are counted here: Monday is 0. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** `from` and `to` in minutes since midnight, `to` 1440 at most and not of the span. `to` at or before `from`: past midnight. */
export type TimeSpan = Readonly<{ from: number; to: number; days: readonly Weekday[]; zone: string }>;

const day = 1_440;

/** Whether the zone is one of the IANA database, as this runtime has it. */
export function isZone(zone: string): boolean {
  try {
    return /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(zone) && Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}

/** `08:00` in minutes since midnight; null for what is no time of a day. 24:00 is its end. */
export function readTimeOfDay(text: string): number | null {
  const [, hours = '', minutes = ''] = /^(\d\d):(\d\d)$/.exec(text) ?? [];
  if (hours === '' || Number(minutes) > 59) return null;
  const at = Number(hours) * 60 + Number(minutes);
  return at > day ? null : at;
}

/**
 * What begins on a day and goes past midnight belongs to the day on which it began. Where a clock is turned forward or back
 * it is what the wall says that counts.
 */
export function timeMatch(span: TimeSpan): Match {
  const { from, to, days, zone } = span;
  const within = isWithin(span);
  return {
    words: `time ${written(from)}-${written(to)} ${days.length === weekdays.length ? 'every day' : days.join(' ')} in ${zone}`,
    finds: ({ at }) => within(at),
  };
}

/** Whether a moment, milliseconds since 1970, lies in it. */
export function isWithin({ from, to, days, zone }: TimeSpan): (at: number) => boolean {
  const minuteOf = wallClock(zone);
  const wanted = new Set(days.map((name) => weekdays.indexOf(name)));
  return (at) => {
    const { weekday, minute } = minuteOf(at);
    if (from < to) return wanted.has(weekday) && minute >= from && minute < to;
    return minute >= from ? wanted.has(weekday) : minute < to && wanted.has((weekday + 6) % 7);
  };
}

type Wall = Readonly<{ weekday: number; minute: number }>;

/** Asked of the runtime once a minute: it takes microseconds. */
function wallClock(zone: string): (at: number) => Wall {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  let [known, wall]: [number, Wall] = [Number.NaN, { weekday: 0, minute: 0 }];
  return (at) => {
    const minute = Math.floor(at / 60_000);
    if (minute === known) return wall;
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const weekday = weekdays.findIndex((name) => name === parts.get('weekday')?.toLowerCase());
    [known, wall] = [minute, { weekday, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) }];
    return wall;
  };
}

function written(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
