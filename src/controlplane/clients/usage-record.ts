/** What one client used in one day, by destination: bounded, and joined with what others have counted of the same day. */

import { z } from 'zod';
import type { AuditEvent } from '../../core/audit/event.ts';
import type { Code } from '../../core/errors.ts';

/** `ours`: errors of our own making. `ms`: from the head to the last byte, all together. */
const row = z.strictObject({
  requests: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  refusals: z.number(),
  errors: z.number(),
  ours: z.number(),
  ms: z.number(),
  connects: z.number(),
  connectMs: z.number(),
});
export type UsageRow = Readonly<z.infer<typeof row>>;

const refusal = z.strictObject({ at: z.number(), destination: z.string(), code: z.string() });
export type Refusal = Readonly<z.infer<typeof refusal>>;

export const usageRecord = z.strictObject({
  total: row,
  /** By `host:port`; what is beyond the first ones stands under `others`. */
  destinations: z.record(z.string(), row),
  others: row,
  /** Connections by how long each took: see `connectBucket`. */
  connects: z.array(z.number()),
  /** The last ones, the newest first. */
  refused: z.array(refusal),
});
export type DayUsage = Readonly<z.infer<typeof usageRecord>>;

/** A record has 64 KiB: each destination has some 250 bytes of numbers, and 260 of name at most. */
const destinationsMax = 100;
const refusedMax = 20;
const bucketCount = 32;

export const noRow: UsageRow = Object.freeze({
  requests: 0,
  bytesIn: 0,
  bytesOut: 0,
  refusals: 0,
  errors: 0,
  ours: 0,
  ms: 0,
  connects: 0,
  connectMs: 0,
});

export const noUsage: DayUsage = Object.freeze({ total: noRow, destinations: {}, others: noRow, connects: [], refused: [] });

/** What went wrong here, and not at the destination or the client. */
const ownFaults: ReadonlySet<Code> = new Set<Code>([
  'program-failed',
  'guard-failed',
  'store-unavailable',
  'connections-exceeded',
  'disk-full',
]);

/** One line of the record as a row. */
export function rowOf({ verdict, code, bytesIn, bytesOut, durationMs }: AuditEvent): UsageRow {
  const isOurs = code !== null && ownFaults.has(code);
  return {
    ...noRow,
    requests: 1,
    bytesIn,
    bytesOut,
    refusals: verdict === 'refuse' && !isOurs ? 1 : 0,
    errors: verdict === 'fail' || isOurs ? 1 : 0,
    ours: isOurs ? 1 : 0,
    ms: durationMs,
  };
}

export function addRows(one: UsageRow, other: UsageRow): UsageRow {
  return {
    requests: one.requests + other.requests,
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
    refusals: one.refusals + other.refusals,
    errors: one.errors + other.errors,
    ours: one.ours + other.ours,
    ms: one.ms + other.ms,
    connects: one.connects + other.connects,
    connectMs: one.connectMs + other.connectMs,
  };
}

/** Buckets of half a doubling: 1 ms, 1.4 ms, 2 ms … 46 s and more, each by its upper end. */
export function connectBucket(ms: number): number {
  return Math.min(bucketCount - 1, Math.max(0, Math.ceil(2 * Math.log2(Math.max(1, ms)))));
}

/** How long so many of a hundred took at most, in milliseconds; null where there was none. */
export function connectPercentile(connects: readonly number[], percent: number): number | null {
  const all = connects.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let seen = 0;
  for (const [bucket, count] of connects.entries()) {
    seen += count;
    if (seen * 100 >= all * percent) return Math.round(2 ** (bucket / 2));
  }
  return null;
}

/** Both together; the destinations that moved the least are `others`. */
export function addUsage(one: DayUsage, other: DayUsage): DayUsage {
  const destinations = new Map(Object.entries(one.destinations));
  for (const [host, more] of Object.entries(other.destinations)) destinations.set(host, addRows(destinations.get(host) ?? noRow, more));
  const ranked = [...destinations].toSorted(([, left], [, right]) => worth(right) - worth(left));
  const rest = ranked.slice(destinationsMax).reduce((sum, [, each]) => addRows(sum, each), noRow);
  const length = Math.max(one.connects.length, other.connects.length);
  return {
    total: addRows(one.total, other.total),
    destinations: Object.fromEntries(ranked.slice(0, destinationsMax)),
    others: addRows(addRows(one.others, other.others), rest),
    connects: Array.from({ length }, (_, at) => (one.connects[at] ?? 0) + (other.connects[at] ?? 0)),
    refused: [...one.refused, ...other.refused].toSorted((left, right) => right.at - left.at).slice(0, refusedMax),
  };
}

/** What comes often is worth its place, too: a request counts as a kilobyte. */
function worth({ requests, bytesIn, bytesOut }: UsageRow): number {
  return bytesIn + bytesOut + requests * 1_000;
}
