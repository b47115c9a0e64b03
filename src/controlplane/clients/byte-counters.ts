/** What each client has used of its quotas of bytes: in memory, and in the store some seconds later, for all processes together. */

import { z } from 'zod';
import type { Json, Records } from '../../contracts/store.ts';
import type { CalendarDay } from '../../core/calendar.ts';
import { countedOn, noBytes, type ByteCount } from '../../core/policy/byte-count.ts';
import { Mirror } from '../identities/mirror.ts';
import { changeRecord } from './change-record.ts';

const record = z.strictObject({ day: z.string(), dayBytes: z.number(), month: z.string(), monthBytes: z.number() });
const prefix = 'client-bytes/';

export class ByteCounters {
  readonly #records: Records;
  readonly #mirror: Mirror<ByteCount>;
  /** What was not written yet, by client. */
  readonly #unwritten = new Map<string, ByteCount>();

  private constructor(records: Records, mirror: Mirror<ByteCount>) {
    this.#records = records;
    this.#mirror = mirror;
  }

  static async open(records: Records): Promise<ByteCounters> {
    return new ByteCounters(records, await Mirror.open<ByteCount>({ records, prefix, read }));
  }

  used(name: string, today: CalendarDay): ByteCount {
    const written = countedOn(this.#mirror.get(name) ?? noBytes, today);
    const more = this.#unwritten.get(name);
    if (more === undefined) return written;
    const { dayBytes, monthBytes } = countedOn(more, today);
    return { ...written, dayBytes: written.dayBytes + dayBytes, monthBytes: written.monthBytes + monthBytes };
  }

  spend(name: string, bytes: number, today: CalendarDay): void {
    this.#unwritten.set(name, countedOn(this.#unwritten.get(name) ?? noBytes, today, bytes));
  }

  forget(name: string): void {
    this.#unwritten.delete(name);
  }

  /** Writes what has come since the last time: one record for each client that moved something. What cannot be written stays for the next time. */
  async flush(today: CalendarDay): Promise<void> {
    for (const [name, more] of [...this.#unwritten]) {
      this.#unwritten.delete(name);
      const written = await changeRecord(this.#records, prefix + name, (value) => {
        const before = countedOn(read(value) ?? noBytes, today);
        const { dayBytes, monthBytes } = countedOn(more, today);
        return { ...before, dayBytes: before.dayBytes + dayBytes, monthBytes: before.monthBytes + monthBytes };
      });
      if (written) continue;
      const since = countedOn(this.#unwritten.get(name) ?? noBytes, today);
      const kept = countedOn(more, today);
      this.#unwritten.set(name, { ...since, dayBytes: since.dayBytes + kept.dayBytes, monthBytes: since.monthBytes + kept.monthBytes });
    }
  }

  close(): void {
    this.#mirror.close();
  }
}

function read(value: Json): ByteCount | null {
  return record.safeParse(value).data ?? null;
}
