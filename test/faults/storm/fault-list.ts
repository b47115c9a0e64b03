/** The faults of the storm: what kinds there are, whom each may strike, for how long, and in which order they come. */

import { defaults } from '../../../src/core/limits.ts';
import type { Chance } from '../../fuzz/chance.ts';

export type Kind =
  | 'kill'
  | 'freeze'
  | 'failover'
  | 'restart'
  | 'upgrade'
  | 'reset'
  | 'silence'
  | 'forget'
  | 'half-close'
  | 'delay'
  | 'throttle';

/**
 * `relay` is the process that serves, `holder` the one that was started and holds its sockets. `carriers` are the connections of
 * one gateway to one relay, `network` to all of them; `exchanges` those between a gateway and its service.
 */
export type Target = 'relay' | 'holder' | 'gateway' | 'service' | 'carriers' | 'network' | 'visitors' | 'exchanges';

/** How long things take: seconds of a person's day, or what a test of a minute has. */
export type Pace = Readonly<{ freezeMs: Span; silenceMs: Span; shapedMs: Span; betweenMs: Span; carrierIdleMs: number; redialMs: number }>;
type Span = readonly [least: number, most: number];

export const longPace: Pace = {
  freezeMs: [1_000, 8_000],
  silenceMs: [1_000, 5_000],
  shapedMs: [3_000, 8_000],
  betweenMs: [500, 3_000],
  carrierIdleMs: defaults.carrierIdleMs,
  redialMs: defaults.redialMs,
};

export const shortPace: Pace = {
  freezeMs: [1_000, 2_000],
  silenceMs: [800, 1_500],
  shapedMs: [1_000, 2_000],
  betweenMs: [1_000, 3_500],
  carrierIdleMs: 3_000,
  redialMs: defaults.redialMs,
};

export type Fault = Readonly<{ kind: Kind; target: Target; name: string }>;

const targets: Readonly<Record<Kind, readonly Target[]>> = {
  kill: ['relay', 'holder', 'gateway', 'service'],
  freeze: ['relay', 'gateway', 'service'],
  failover: ['gateway'],
  restart: ['relay', 'gateway'],
  upgrade: ['relay'],
  reset: ['carriers', 'network', 'visitors', 'exchanges'],
  silence: ['carriers', 'network', 'visitors'],
  forget: ['carriers', 'network', 'visitors'],
  'half-close': ['carriers', 'visitors', 'exchanges'],
  delay: ['carriers', 'network', 'visitors', 'exchanges'],
  throttle: ['carriers', 'visitors', 'exchanges'],
};

export const kinds = Object.keys(targets) as readonly Kind[];

export const allFaults: readonly Fault[] = kinds.flatMap((kind) =>
  targets[kind].map((target) => ({ kind, target, name: `${kind} ${target}` })),
);

/** For whoever is slow: a start of the program, a busy machine. */
const patienceMs = 15_000;

/** A gateway whose carriers end often waits longer before it dials anew. */
export function boundMs({ kind, target }: Fault, pace: Pace): number {
  const endsCarriers = target !== 'visitors' && target !== 'exchanges' && target !== 'service';
  if (!endsCarriers || kind === 'delay' || kind === 'throttle') return patienceMs;
  return patienceMs + pace.redialMs + (kind === 'forget' ? pace.carrierIdleMs : 0);
}

/** What a world has room for. */
export type Room = Readonly<{ relays: number; gateways: number }>;

function fits({ kind }: Fault, { gateways }: Room): boolean {
  return kind !== 'failover' || gateways > 1;
}

/** In the order in which they come, for ever: all of them in any order, and again. */
export function* allInTurn(room: Room, chance: Chance): Generator<Fault> {
  for (;;) yield* shuffled(fitting(room), chance);
}

/** One of each kind and of the kills each; then, for ever, what starts no process. */
export function* oneOfEach(room: Room, chance: Chance): Generator<Fault, void> {
  yield* shuffled(first(room, chance), chance);
  const cheap = fitting(room).filter(({ kind }) => kind !== 'kill' && kind !== 'restart' && kind !== 'upgrade');
  for (;;) yield* shuffled(cheap, chance);
}

/** So many come first in `oneOfEach`. */
export function howManyFirst(room: Room): number {
  return fitting(room).filter(({ kind }) => kind === 'kill').length + kinds.filter((kind) => kind !== 'kill' && has(room, kind)).length;
}

function first(room: Room, chance: Chance): readonly Fault[] {
  return kinds.flatMap((kind) => {
    const own = fitting(room).filter((fault) => fault.kind === kind);
    return kind === 'kill' || own.length === 0 ? own : [chance.pick(own)];
  });
}

function fitting(room: Room): readonly Fault[] {
  return allFaults.filter((fault) => fits(fault, room));
}

function has(room: Room, kind: Kind): boolean {
  return fitting(room).some((fault) => fault.kind === kind);
}

function shuffled<Item>(items: readonly Item[], chance: Chance): readonly Item[] {
  return items
    .map((item) => ({ item, at: chance.number(2 ** 32) }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
