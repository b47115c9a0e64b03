/** Does one fault: picks whom it strikes, breaks it, and says from when on all addresses must answer again. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Chance } from '../../fuzz/chance.ts';
import type { Fault, Pace } from './fault-list.ts';
import type { Line } from './line.ts';
import { answersAgain, probeOf, whoServes } from './recovery.ts';
import type { Unit } from './unit.ts';
import type { World } from './world.ts';

/** The moment from which all addresses must answer again, and what ends the fault after that. */
export type Struck = Readonly<{
  from: number;
  words: string;
  until?: () => Promise<void>;
  /** What did not hold while it lasted. */
  failed?: string;
  /** What is counted in place of the time until all answer. */
  tookMs?: number;
}>;

export type Blow = Readonly<{ fault: Fault; world: World; chance: Chance; pace: Pace; boundMs: number; wrong: (why: string) => void }>;

/** Resolves when the addresses have to answer again. */
export async function strike(blow: Blow): Promise<Struck> {
  const { fault, chance, pace } = blow;
  const within = ([least, most]: readonly [number, number]): number => least + chance.number(most - least + 1);
  switch (fault.kind) {
    case 'kill':
      return killed(unitOf(blow, true), fault.target === 'relay');
    case 'restart':
      return restarted(unitOf(blow, true));
    case 'upgrade':
      return upgraded(unitOf(blow, true));
    case 'freeze':
      return frozen(unitOf(blow, false), within(pace.freezeMs));
    case 'failover':
      return failedOver(blow);
    default: {
      const { lines, words } = linesOf(blow);
      const struck = await strikeLines(blow, lines, within);
      return { ...struck, words: [words, struck.words].filter((word) => word !== '').join(', ') };
    }
  }
}

async function strikeLines(
  { fault, chance, pace }: Blow,
  lines: readonly Line[],
  within: (span: readonly [number, number]) => number,
): Promise<Struck> {
  switch (fault.kind) {
    case 'reset':
      for (const line of lines) line.resetAll();
      return now('');
    case 'forget':
      for (const line of lines) line.forget();
      return now('');
    case 'silence': {
      const ms = within(pace.silenceMs);
      for (const line of lines) line.fallSilent();
      await pause(ms);
      for (const line of lines) line.talk();
      return now(`for ${ms} ms`);
    }
    case 'half-close': {
      const side = chance.pick(['near', 'far'] as const);
      for (const line of lines) line.endOneSide(side);
      return now(`towards the ${side} side`);
    }
    case 'delay':
      return delayed(lines, 60 + chance.number(241), within(pace.shapedMs));
    default:
      return throttled(lines, 200_000 + chance.number(1_800_000), within(pace.shapedMs));
  }
}

function now(words: string): Struck {
  return { from: performance.now(), words };
}

function linesOf({ fault, world, chance }: Blow): Readonly<{ lines: readonly Line[]; words: string }> {
  const at = chance.number(world.relays.length);
  if (fault.target === 'visitors') return { lines: world.relays[at]?.visitorLines ?? [], words: `of relay ${at + 1}` };
  const gateway = chance.pick(world.gateways);
  if (fault.target === 'exchanges') return { lines: gateway.serviceLines, words: `of ${gateway.unit.name}` };
  if (fault.target === 'network') return { lines: gateway.carrierLines, words: `of ${gateway.unit.name}` };
  return { lines: gateway.carrierLines.slice(at, at + 1), words: `of ${gateway.unit.name} at relay ${at + 1}` };
}

/** The first gateway and the last relay never end, where there are others: a leak needs a process that lives through it all. */
function unitOf({ fault: { target }, world: { relays, gateways }, chance }: Blow, ends: boolean): Unit {
  if (target === 'service') return chance.pick(gateways).service;
  const all = (target === 'gateway' ? gateways : relays).map(({ unit }) => unit);
  const spared = all[target === 'gateway' ? 0 : all.length - 1];
  return chance.pick(ends && all.length > 1 ? all.filter((unit) => unit !== spared) : all);
}

async function killed(unit: Unit, onlyWhoServes: boolean): Promise<Struck> {
  await (onlyWhoServes ? unit.crash() : unit.kill());
  return now(unit.name);
}

async function restarted(unit: Unit): Promise<Struck> {
  const told = performance.now();
  await unit.restart();
  return now(`${unit.name}, ended ${Math.round(performance.now() - told)} ms after it was told`);
}

async function upgraded(unit: Unit): Promise<Struck> {
  const told = performance.now();
  const came = await unit.upgrade();
  return now(`${unit.name}, ${came ? 'a successor' : 'NO successor'} after ${Math.round(performance.now() - told)} ms`);
}

async function frozen(unit: Unit, ms: number): Promise<Struck> {
  unit.freeze();
  try {
    await pause(ms);
  } finally {
    unit.thaw();
  }
  return now(`${unit.name}, for ${ms} ms`);
}

/** Freezes who serves the shared name, until the other one answers in its place. */
async function failedOver({ world, chance, boundMs, wrong }: Blow): Promise<Struck> {
  const door = chance.pick(world.shared);
  const serving = await whoServes(door, boundMs);
  const gateway = world.gateways[Number(serving) - 1];
  if (gateway === undefined) return { ...now(''), failed: `nobody serves ${door.url.host}, or ${serving} does` };
  gateway.unit.freeze();
  try {
    const tookMs = await answersAgain(probeOf(door), performance.now(), boundMs, wrong);
    const words = `from frozen ${gateway.unit.name} after ${tookMs === null ? 'never' : Math.round(tookMs)} ms`;
    if (tookMs === null) return { ...now(words), failed: `no other gateway served ${door.url.host} within ${boundMs / 1_000} s` };
    return { ...now(words), tookMs };
  } finally {
    gateway.unit.thaw();
  }
}

/** The address answers all the while, only later. */
function delayed(lines: readonly Line[], delayMs: number, ms: number): Struck {
  for (const line of lines) line.delayMs = delayMs;
  const over = pause(ms);
  const until = async (): Promise<void> => {
    await over;
    for (const line of lines) line.delayMs = 0;
  };
  return { ...now(`${delayMs} ms each way, for ${ms} ms`), until };
}

/** What stands in the queue of a narrow line is ahead of whoever comes: judged from its end on. */
async function throttled(lines: readonly Line[], bytesPerSecond: number, ms: number): Promise<Struck> {
  for (const line of lines) line.bytesPerSecond = bytesPerSecond;
  await pause(ms);
  for (const line of lines) line.bytesPerSecond = null;
  return now(`to ${Math.round(bytesPerSecond / 1_000)} kB/s, for ${ms} ms`);
}
