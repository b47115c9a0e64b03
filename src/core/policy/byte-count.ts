/** Bytes of a calendar day and month: begun anew with each, and never by a clock that is set back. */

import type { CalendarDay } from '../calendar.ts';

export type ByteCount = Readonly<{ day: string; dayBytes: number; month: string; monthBytes: number }>;

export const noBytes: ByteCount = Object.freeze({ day: '', dayBytes: 0, month: '', monthBytes: 0 });

/**
 * The count as it stands today, with `bytes` more. A day before the counted one is a clock that was set back, or one that was
 * ahead and is right again: what was used stays used, and the next day begins anew as ever.
 */
export function countedOn(
  { day, dayBytes, month, monthBytes }: ByteCount,
  today: Pick<CalendarDay, 'day' | 'month'>,
  bytes = 0,
): ByteCount {
  return {
    day: today.day,
    dayBytes: (today.day > day ? 0 : dayBytes) + bytes,
    month: today.month,
    monthBytes: (today.month > month ? 0 : monthBytes) + bytes,
  };
}
