/** How far a grant goes: names beside and below its own, ports, an end, streams at once, bytes per second, visitors a day. */

import { z } from 'zod';
import type { Json } from '../../contracts/store.ts';
import type { PortRange } from '../../contracts/tunnel.ts';
import { SallyportError } from '../../core/errors.ts';
import { isPattern } from './name-pattern.ts';

export type Bounds = Readonly<{
  /** Patterns besides the name itself; null: all below the name. */
  names: readonly string[] | null;
  ports: PortRange | null;
  /** Milliseconds since 1970, or null. From then on nothing of the grant holds. */
  expires: number | null;
  /** Streams at once, over all carriers. */
  streams: number | null;
  /** Of all streams together, each direction counted. */
  bytesPerSecond: number | null;
  /** Different addresses (IPv6: /64) that may come in one day, UTC. */
  visitorsPerDay: number | null;
}>;

export const unbounded: Bounds = { names: null, ports: null, expires: null, streams: null, bytesPerSecond: null, visitorsPerDay: null };

const patternsMax = 20;
/** Each costs the relay some 100 bytes for a day. Who wants more wants no bound. */
const visitorsPerDayMax = 100_000;
const port = z.int().min(1).max(65_535);

export const boundsShape: z.ZodType<Bounds> = z.strictObject({
  names: z.array(z.string().max(100)).max(patternsMax).nullable(),
  ports: z
    .strictObject({ from: port, to: port })
    .refine(({ from, to }) => from <= to)
    .nullable(),
  expires: z.number().nullable(),
  streams: z.int().min(1).nullable(),
  bytesPerSecond: z.int().min(1).nullable(),
  visitorsPerDay: z.int().min(1).nullable().default(null),
});

/** A bound that came later is written only where it is set: an earlier relay reads all others. */
export function boundsJson({ visitorsPerDay, ...bounds }: Bounds): Json {
  const later = visitorsPerDay === null ? {} : { visitorsPerDay };
  return {
    ...bounds,
    ...later,
    names: bounds.names === null ? null : [...bounds.names],
    ports: bounds.ports === null ? null : { ...bounds.ports },
  };
}

/** Reads `team-*,*.blog` for the grant of `label`. Error: `name-malformed`. */
export function readNames(text: string, label: string): readonly string[] {
  const patterns = text
    .toLowerCase()
    .split(',')
    .map((each) => each.trim());
  const wrong = patterns.find((each) => !isPattern(each, label));
  if (wrong === undefined && patterns.length <= patternsMax) return patterns;
  throw new SallyportError('name-malformed', `--names ${JSON.stringify(wrong ?? text)} is no pattern of names.`, {
    hint: `Write it like --names '*.${label}' (below the name), '**.${label}' (at any depth) or 'team-*' (beside it).`,
  });
}

/** Reads `2200-2299` or `2222`. Error: `port-malformed`. */
export function readPorts(text: string): PortRange {
  const [, first = '', last = first] = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text) ?? [];
  const range = { from: Number(first), to: Number(last) };
  if (first !== '' && range.from <= range.to && range.to <= 65_535) return range;
  throw new SallyportError('port-malformed', `--ports ${JSON.stringify(text)} is no range of ports.`, {
    hint: 'Write it like --ports 2200-2299.',
  });
}

/** Reads `1000`. Error: `usage-wrong`. */
export function readStreams(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new SallyportError('usage-wrong', `--max-streams ${JSON.stringify(text)} is no number of streams.`, {
    hint: 'Write it like --max-streams 50.',
  });
}

/** Reads `500` or `500/day`: the first is what is meant by it. Error: `usage-wrong`. */
export function readVisitors(text: string): number {
  const [, digits = ''] = /^([1-9]\d{0,5})(?:\/day)?$/.exec(text.toLowerCase()) ?? [];
  if (digits !== '' && Number(digits) <= visitorsPerDayMax) return Number(digits);
  throw new SallyportError('usage-wrong', `--max-visitors ${JSON.stringify(text)} is no number of visitors.`, {
    hint: `Write it like --max-visitors 500/day; ${visitorsPerDayMax} at most.`,
  });
}

const units: Readonly<Record<string, number>> = { '': 1, k: 1_000, m: 1_000_000, g: 1_000_000_000 };

/** Reads `500k`, `2M`, `10MB/s`: bytes per second, in thousands. Error: `usage-wrong`. */
export function readRate(text: string): number {
  const [, digits = '', unit = ''] = /^([1-9]\d{0,8})([kmg]?)(?:b(?:\/s)?)?$/.exec(text.toLowerCase()) ?? [];
  const rate = Number(digits) * (units[unit] ?? 0);
  if (digits !== '' && rate >= 1_000) return rate;
  throw new SallyportError('usage-wrong', `--bandwidth ${JSON.stringify(text)} is no rate.`, {
    hint: 'Write it in bytes per second, 1k or more: --bandwidth 2M.',
  });
}

export function portsOverlap(one: PortRange | null, other: PortRange | null): boolean {
  return one !== null && other !== null && one.from <= other.to && other.from <= one.to;
}
