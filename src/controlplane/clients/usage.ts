/** Accounting: what each client used, by day and destination, in the store some seconds later. */

import type { AuditEvent } from '../../core/audit/event.ts';
import type { Json, Records } from '../../contracts/store.ts';
import { changeRecord } from './change-record.ts';
import { addRows, addUsage, connectBucket, noRow, noUsage, rowOf, usageRecord } from './usage-record.ts';
import type { DayUsage, Refusal, UsageRow } from './usage-record.ts';

const prefix = 'client-usage/';
/** Thirteen months and a little: the same month of the year before can be looked at. */
const keptMs = 400 * 86_400_000;
/** Days that one question reads. */
const daysMax = 400;
/** Destinations of one client between two writes, and refusals: what is beyond is counted under `others`, and forgotten. */
const gatheredMax = 400;
const refusedMax = 20;

type Gathered = {
  total: UsageRow;
  others: UsageRow;
  readonly destinations: Map<string, UsageRow>;
  readonly connects: number[];
  readonly refused: Refusal[];
};

export class Usage {
  readonly #records: Records;
  /** What was not written yet, by `client/day`. */
  readonly #unwritten = new Map<string, Gathered>();

  constructor(records: Records) {
    this.#records = records;
  }

  /** Counts one exchange that ended. */
  account(name: string, day: string, event: AuditEvent): void {
    const destination = event.host ?? '';
    const gathered = this.#add(name, day, destination, rowOf(event));
    if (event.verdict !== 'refuse') return;
    gathered.refused.unshift({ at: Date.parse(event.time), destination, code: event.code ?? '' });
    gathered.refused.splice(refusedMax);
  }

  connected(name: string, day: string, destination: string, ms: number): void {
    const { connects } = this.#add(name, day, destination, { ...noRow, connects: 1, connectMs: ms });
    const bucket = connectBucket(ms);
    while (connects.length <= bucket) connects.push(0);
    connects[bucket] = (connects[bucket] ?? 0) + 1;
  }

  forget(name: string): void {
    for (const key of this.#unwritten.keys()) if (key.startsWith(`${name}/`)) this.#unwritten.delete(key);
  }

  /** One record for each client that did something. What cannot be written stays for the next time. */
  async flush(): Promise<void> {
    for (const [key, more] of [...this.#unwritten]) {
      this.#unwritten.delete(key);
      const whole = wholeOf(more);
      const written = await changeRecord(this.#records, prefix + key, (value) => ({ ...addUsage(readUsage(value) ?? noUsage, whole) }), {
        ttlMs: keptMs,
      });
      if (!written) this.#keep(key, whole);
    }
  }

  #keep(key: string, { total, others, destinations, connects, refused }: DayUsage): void {
    const since = this.#unwritten.get(key);
    const all = since === undefined ? null : addUsage({ total, others, destinations, connects, refused }, wholeOf(since));
    const kept = all ?? { total, others, destinations, connects, refused };
    this.#unwritten.set(key, {
      total: kept.total,
      others: kept.others,
      destinations: new Map(Object.entries(kept.destinations)),
      connects: [...kept.connects],
      refused: [...kept.refused],
    });
  }

  #add(name: string, day: string, destination: string, row: UsageRow): Gathered {
    const key = `${name}/${day}`;
    const none: Gathered = { total: noRow, others: noRow, destinations: new Map(), connects: [], refused: [] };
    const gathered = this.#unwritten.get(key) ?? none;
    this.#unwritten.set(key, gathered);
    gathered.total = addRows(gathered.total, row);
    const known = gathered.destinations.get(destination);
    if (known === undefined && gathered.destinations.size >= gatheredMax) gathered.others = addRows(gathered.others, row);
    else gathered.destinations.set(destination, known === undefined ? row : addRows(known, row));
    return gathered;
  }
}

function wholeOf({ total, others, destinations, connects, refused }: Gathered): DayUsage {
  return { total, others, destinations: Object.fromEntries(destinations), connects, refused };
}

/** Days of one client, the oldest first; both ends included, each like `2026-11-21`. */
export async function usageOf(
  records: Pick<Records, 'list'>,
  name: string,
  from: string,
  to: string,
): Promise<readonly (readonly [day: string, usage: DayUsage])[]> {
  const found = await records.list(`${prefix}${name}/`);
  return found
    .flatMap(({ key, value }) => {
      const day = key.slice(prefix.length + name.length + 1);
      const usage = day >= from && day <= to ? readUsage(value) : null;
      return usage === null ? [] : [[day, usage] as const];
    })
    .slice(-daysMax);
}

function readUsage(value: Json): DayUsage | null {
  return usageRecord.safeParse(value).data ?? null;
}
