/** Days and months of a time zone, with daylight saving. */

const hourMs = 3_600_000;

/** `day`: `2026-11-21`; `month`: `2026-11`. The ends are the first milliseconds of the next ones. */
export type CalendarDay = Readonly<{ day: string; month: string; dayEnds: number; monthEnds: number }>;

export class Calendar {
  readonly zone: string;
  /** `2026-11-21`, of a time in milliseconds since 1970. */
  readonly #dayOf: (at: number) => string;
  /** What was found last, and from when on it holds. */
  #last: Readonly<{ from: number; found: CalendarDay }> | null = null;

  /** Throws RangeError for a zone that is none. */
  constructor(zone: string) {
    this.zone = zone;
    this.#dayOf = zone === 'UTC' ? dayOfUtc : dayIn(zone);
  }

  at(now: number): CalendarDay {
    if (this.#last !== null && now >= this.#last.from && now < this.#last.found.dayEnds) return this.#last.found;
    const day = this.#dayOf(now);
    const month = day.slice(0, 7);
    const dayEnds = endOf(now, 24 * hourMs, (at) => this.#dayOf(at) !== day);
    const monthEnds = endOf(now, 31 * 24 * hourMs, (at) => this.#dayOf(at).slice(0, 7) !== month);
    const found: CalendarDay = Object.freeze({ day, month, dayEnds, monthEnds });
    this.#last = { from: now, found };
    return found;
  }
}

/** Most count in UTC, which needs none of what Intl reads of languages and zones: 20 ms of a start. */
function dayOfUtc(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function dayIn(zone: string): (at: number) => string {
  // Sweden writes dates as ISO 8601 does.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return (at) => format.format(at);
}

/** The first millisecond for which `isOver` holds, some time after `now`: looked for by halves. */
function endOf(now: number, spanMs: number, isOver: (at: number) => boolean): number {
  let [before, after] = [now, now + spanMs + 2 * hourMs];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (isOver(middle)) after = middle;
    else before = middle;
  }
  return after;
}
