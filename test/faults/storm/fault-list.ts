/** The faults of the storm: what each does, for how long, and until when the address must answer again. */

import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../../../src/core/limits.ts';
import type { Chance } from '../../fuzz/chance.ts';
import type { Line } from './line.ts';
import type { Unit } from './unit.ts';
import type { Place, Site } from './world.ts';

export type Kind = 'kill' | 'freeze' | 'restart' | 'reset' | 'silence' | 'forget' | 'half-close' | 'delay' | 'throttle';
/** `exchanges` are the connections between a gateway and its service. */
type Target = 'relay' | 'gateway' | 'service' | 'carriers' | 'visitors' | 'exchanges';

/** How long things take: seconds of a person's day, or what a test of twenty seconds has. */
export type Pace = Readonly<{ freezeMs: Span; silenceMs: Span; shapedMs: Span; betweenMs: Span; carrierIdleMs: number; redialMs: number }>;
type Span = readonly [least: number, most: number];

export const longPace: Pace = {
  freezeMs: [1_000, 8_000],
  silenceMs: [1_000, 5_000],
  shapedMs: [3_000, 8_000],
  betweenMs: [500, 4_000],
  carrierIdleMs: defaults.carrierIdleMs,
  redialMs: defaults.redialMs,
};

export const shortPace: Pace = {
  freezeMs: [1_000, 1_500],
  silenceMs: [800, 1_200],
  shapedMs: [1_000, 1_500],
  betweenMs: [100, 300],
  carrierIdleMs: 3_000,
  // Two or three carriers that end in ten seconds do not bring the pause to its longest.
  redialMs: 10_000,
};

export type Fault = Readonly<{ kind: Kind; target: Target; name: string }>;

/** The moment from which the address must answer again, and what ends the fault after that. */
export type Struck = Readonly<{ from: number; words: string; until?: () => Promise<void> }>;

const targets: Readonly<Record<Kind, readonly Target[]>> = {
  kill: ['relay', 'gateway', 'service'],
  freeze: ['relay', 'gateway', 'service'],
  restart: ['relay', 'gateway'],
  reset: ['carriers', 'visitors', 'exchanges'],
  silence: ['carriers', 'visitors'],
  forget: ['carriers', 'visitors'],
  'half-close': ['carriers', 'visitors', 'exchanges'],
  delay: ['carriers', 'visitors', 'exchanges'],
  throttle: ['carriers', 'visitors', 'exchanges'],
};

export const allFaults: readonly Fault[] = (Object.keys(targets) as readonly Kind[]).flatMap((kind) =>
  targets[kind].map((target) => ({ kind, target, name: `${kind} ${target}` })),
);

/** For whoever is slow: a start of the program, a busy machine. */
const patienceMs = 15_000;

/** A gateway whose carriers end often waits longer before it dials anew. */
export function boundMs({ kind, target }: Fault, pace: Pace): number {
  const endsCarriers = target === 'relay' || target === 'gateway' || target === 'carriers';
  if (!endsCarriers || kind === 'freeze' || kind === 'delay') return patienceMs;
  return patienceMs + pace.redialMs + (kind === 'forget' ? pace.carrierIdleMs : 0);
}

/** Where there are two sites, a gateway of the one and the relay of the other live through it all: leaks need time. */
export function mayStrike({ kind, target }: Fault, siteNumber: number, sites: number): boolean {
  if ((kind !== 'kill' && kind !== 'restart') || sites === 1) return true;
  return target === 'service' || target === (siteNumber % 2 === 0 ? 'relay' : 'gateway');
}

/** One of each kind, and of the kills each: for whoever has only seconds. Dealt to the sites in turn. */
export function dealOnce(sites: number, chance: Chance): readonly (readonly Fault[])[] {
  const chosen = (Object.keys(targets) as readonly Kind[]).flatMap((kind) => {
    const own = allFaults.filter((fault) => fault.kind === kind);
    return kind === 'kill' ? own : [chance.pick(own)];
  });
  const dealt = Array.from({ length: sites }, (): Fault[] => []);
  for (const fault of shuffled(chosen, chance)) {
    const able = dealt.filter((_, site) => mayStrike(fault, site, sites));
    able.toSorted((one, other) => one.length - other.length)[0]?.push(fault);
  }
  return dealt;
}

export function shuffled<Item>(items: readonly Item[], chance: Chance): readonly Item[] {
  return items
    .map((item) => ({ item, at: chance.number(2 ** 32) }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

/** Does it. Resolves when the address has to answer again. */
export async function strike(fault: Fault, site: Site, place: Place, chance: Chance, pace: Pace): Promise<Struck> {
  const within = ([least, most]: Span): number => least + chance.number(most - least + 1);
  const line = lineOf(fault.target, site, place);
  switch (fault.kind) {
    case 'kill':
      await unitOf(fault.target, site, place).kill();
      return now('');
    case 'restart': {
      const told = performance.now();
      await unitOf(fault.target, site, place).restart();
      return now(`ended ${Math.round(performance.now() - told)} ms after it was told`);
    }
    case 'freeze':
      return frozen(unitOf(fault.target, site, place), within(pace.freezeMs));
    case 'reset':
      line.resetAll();
      return now('');
    case 'silence':
      return silent(line, within(pace.silenceMs));
    case 'forget':
      line.forget();
      return now('');
    case 'half-close': {
      const side = chance.pick(['near', 'far'] as const);
      line.endOneSide(side);
      return now(`towards the ${side} side`);
    }
    case 'delay':
      return delayed(line, 60 + chance.number(241), within(pace.shapedMs));
    case 'throttle':
      return throttled(line, 200_000 + chance.number(1_800_000), within(pace.shapedMs));
    default:
      return fault.kind satisfies never;
  }
}

function now(words: string): Struck {
  return { from: performance.now(), words };
}

function lineOf(target: Target, site: Site, place: Place): Line {
  if (target === 'exchanges') return place.serviceLine;
  return target === 'carriers' ? place.carrierLine : site.visitorLine;
}

function unitOf(target: Target, site: Site, place: Place): Unit {
  if (target === 'relay') return site.relay;
  return target === 'gateway' ? place.gateway : place.service;
}

async function frozen(unit: Unit, ms: number): Promise<Struck> {
  unit.freeze();
  try {
    await pause(ms);
  } finally {
    unit.thaw();
  }
  return now(`for ${ms} ms`);
}

async function silent(line: Line, ms: number): Promise<Struck> {
  line.fallSilent();
  await pause(ms);
  line.talk();
  return now(`for ${ms} ms`);
}

/** The address answers all the while, only later. */
function delayed(line: Line, delayMs: number, ms: number): Struck {
  line.delayMs = delayMs;
  const over = pause(ms);
  const until = async (): Promise<void> => {
    await over;
    line.delayMs = 0;
  };
  return { ...now(`${delayMs} ms each way, for ${ms} ms`), until };
}

/** What stands in the queue of a narrow line is ahead of whoever comes: judged from its end on. */
async function throttled(line: Line, bytesPerSecond: number, ms: number): Promise<Struck> {
  line.bytesPerSecond = bytesPerSecond;
  await pause(ms);
  line.bytesPerSecond = null;
  return now(`to ${Math.round(bytesPerSecond / 1_000)} kB/s, for ${ms} ms`);
}
