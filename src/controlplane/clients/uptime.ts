/** In which minutes a proxy was there: a mark a minute, of all processes together. */

import { z } from 'zod';
import type { Json, Records } from '../../contracts/store.ts';
import { changeRecord } from './change-record.ts';

const prefix = 'proxy-uptime/';
const minuteMs = 60_000;
const dayMs = 86_400_000;
const keptMs = 400 * dayMs;

/** A number for each half hour of the day in UTC, a bit for each of its minutes. */
const record = z.array(z.int()).length(48);
const none: readonly number[] = Array.from({ length: 48 }, () => 0);

export class Uptime {
  readonly #records: Records;
  #marked = 0;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Marks this minute; once a minute, however often it is asked. */
  async mark(now: number): Promise<void> {
    const minute = Math.floor(now / minuteMs);
    if (minute === this.#marked) return;
    this.#marked = minute;
    const ofDay = minute % 1_440;
    await changeRecord(
      this.#records,
      prefix + dayOf(now),
      (value) => {
        const marks = [...(record.safeParse(value).data ?? none)];
        const half = Math.floor(ofDay / 30);
        marks[half] = (marks[half] ?? 0) | (1 << (ofDay % 30));
        return marks;
      },
      { ttlMs: keptMs },
    );
  }

  /** The share of minutes since the first mark, or in so many days; null without any. Minutes of a clock that was ahead do not count. */
  async share(now: number, days: number): Promise<number | null> {
    const since = dayOf(now - days * dayMs);
    const today = Math.floor(now / minuteMs);
    const minutes: number[] = [];
    for (const { key, value } of await this.#records.list(prefix)) {
      const day = key.slice(prefix.length);
      if (day < since) continue;
      const first = Date.parse(`${day}T00:00:00Z`) / minuteMs;
      for (const minute of minutesOf(value)) if (first + minute <= today) minutes.push(first + minute);
    }
    const [first] = minutes;
    return first === undefined ? null : Math.min(1, minutes.length / (today - first + 1));
  }
}

function minutesOf(value: Json): readonly number[] {
  const marks = record.safeParse(value).data ?? none;
  return marks.flatMap((bits, half) =>
    Array.from({ length: 30 }, (_, at) => at)
      .filter((at) => (bits & (1 << at)) !== 0)
      .map((at) => half * 30 + at),
  );
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
