/** The storm: a load of visitors, and something that is killed, frozen, cut, delayed or restarted every few seconds. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Chance } from '../../fuzz/chance.ts';
import { allInTurn, boundMs, howManyFirst, longPace, oneOfEach, shortPace, type Fault, type Pace } from './fault-list.ts';
import { startLoad, type Load } from './load.ts';
import { answersAgain, probesOf } from './recovery.ts';
import { footprints, judgeLeavers, judgeRemains, judgeSeen, settled, type Remains } from './remains.ts';
import { strike } from './strike.ts';
import { Tally, Violations, works } from './tally.ts';
import type { Footprint, Unit } from './unit.ts';
import { startWorld, type Context, type World } from './world.ts';

export type StormOptions = Readonly<{
  seed: number;
  visitors: number;
  /** Of faults. */
  seconds: number;
  /** One of each kind first, and then what costs little: for `npm test`. */
  short: boolean;
  relays: number;
  gateways: number;
  /** How the service of each gateway is bad. */
  lies?: readonly (readonly string[])[];
  /** Only faults whose name begins so: `kill`, `kill relay`. */
  only?: string;
  /** No faults: the load goes on until this holds of what was found, and for `seconds` at most. */
  calmUntil?: (violations: readonly string[]) => boolean;
  /** Between two works of a visitor. */
  pauseMs?: readonly [least: number, most: number];
  settleMs?: number;
  /** Told as it goes. */
  say: (line: string) => void;
}>;

export type FaultRecord = { times: number; readonly recoveriesMs: number[]; readonly boundMs: number };

export type Report = Readonly<{
  options: StormOptions;
  tookMs: number;
  faults: ReadonlyMap<string, FaultRecord>;
  tally: Tally;
  violations: Violations;
  /** Null where the system does not say. */
  remains: readonly Remains[] | null;
  world: World;
  log: readonly string[];
  /** How late the storm's own process was, in milliseconds: a slow answer may be its own fault. */
  late: Readonly<{ p99: number; most: number }>;
}>;

/** Until all addresses answer for the first time, and for the last. */
const readyMs = 60_000;
/** The last idle connection ends by a deadline of the product: pools and carriers after 30 s, flows of UDP after 60 s. */
const settleMs = 90_000;
/** Before the storm: what is still open by then is open before it. */
const warmSettleMs = 5_000;
/** Worth a line of the log: which way was the last to answer. */
const slowMs = 2_000;
/** In the long run; the short one is paced so that a minute of it costs little. */
const longPauseMs = [2_000, 10_000] as const;
const shortPauseMs = [15_000, 50_000] as const;

export async function runStorm(context: Context, options: StormOptions): Promise<Report> {
  const log: string[] = [];
  const began = performance.now();
  const say = (line: string): void => {
    const at = `${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${line}`;
    log.push(at);
    options.say(at);
  };
  const violations = new Violations(say);
  const storm = new Storm(options, violations, say);
  const delay = monitorEventLoopDelay();
  delay.enable();
  const report = await storm.run(context);
  delay.disable();
  const late = { p99: delay.percentile(99) / 1e6, most: delay.max / 1e6 };
  return { ...report, options, violations, tookMs: performance.now() - began, log, late };
}

class Storm {
  readonly #options: StormOptions;
  readonly #violations: Violations;
  readonly #say: (line: string) => void;
  readonly #pace: Pace;
  readonly #chance: Chance;
  readonly #tally: Tally;
  readonly #faults = new Map<string, FaultRecord>();

  constructor(options: StormOptions, violations: Violations, say: (line: string) => void) {
    this.#options = options;
    this.#violations = violations;
    this.#say = say;
    this.#pace = options.short ? shortPace : longPace;
    this.#chance = new Chance(options.seed);
    this.#tally = new Tally(violations);
  }

  async run(context: Context): Promise<Pick<Report, 'faults' | 'tally' | 'remains' | 'world'>> {
    const { relays, gateways, short, lies = [], calmUntil } = this.#options;
    const violations = this.#violations;
    // What is idle is gone soon: a test has no minute to wait for it.
    const limits = short ? { carrierIdleMs: this.#pace.carrierIdleMs, udpIdleMs: 3_000 } : {};
    const world = await startWorld(context, { relays, gateways, limits, patienceMs: this.#patienceMs, lies, violations });
    await this.#allAnswer(world, performance.now(), readyMs, 'at the beginning');
    this.#say('all are ready');
    const before = await this.#warmUp(world);
    const load = this.#load(world, this.#options.visitors, this.#options.pauseMs ?? (short ? shortPauseMs : longPauseMs));
    if (calmUntil === undefined) await this.#blowOn(world);
    else for (const end = this.#end; performance.now() < end && !calmUntil(violations.all); await pause(50));
    this.#say('the storm is over');
    await load.stop();
    this.#say('the visitors have left');
    for (const { visitorLines } of world.relays) for (const line of visitorLines) line.clear();
    for (const { carrierLines } of world.gateways) for (const line of carrierLines) line.clear();
    await this.#allAnswer(world, performance.now(), readyMs, 'at the end');
    const settling = this.#options.settleMs ?? settleMs;
    await judgeLeavers(world, settling, violations);
    if (before !== null) await settled(world, before, settling);
    const remains = before === null ? null : judgeRemains(world, before, violations);
    for (const unit of world.units) await unit.end();
    judgeSeen(
      world.gateways.map(({ seenFile }) => seenFile),
      violations,
    );
    this.#judgeLoad(world);
    return { faults: this.#faults, tally: this.#tally, remains, world };
  }

  /** Of a storm that begins now. */
  get #end(): number {
    return performance.now() + this.#options.seconds * 1_000;
  }

  get #patienceMs(): number {
    return this.#options.short ? 10_000 : 20_000;
  }

  #load(world: World, visitors: number, pauseMs: readonly [number, number]): Load {
    const sizes = this.#options.short ? { messagesMax: 20, bytesMost: 500_000 } : { messagesMax: 150, bytesMost: 2_000_000 };
    return startLoad({ world, visitors, tally: this.#tally, chance: this.#chance, pauseMs, patienceMs: this.#patienceMs, ...sizes });
  }

  /** Code is compiled and heaps have their size before anything is measured. */
  async #warmUp(world: World): Promise<Map<Unit, Footprint> | null> {
    const { short, seconds, visitors } = this.#options;
    const idle = footprints(world);
    const load = short ? this.#load(world, Math.min(40, visitors), [1_000, 2_000]) : this.#load(world, visitors, longPauseMs);
    await pause(short ? 2_000 : Math.min(20_000, seconds * 100));
    await load.stop();
    if (idle === null) return null;
    await settled(world, idle, warmSettleMs);
    const before = footprints(world) ?? idle;
    // What is open while nothing happens counts, not what happened to be open still.
    for (const [unit, { files }] of idle) before.set(unit, { residentBytes: before.get(unit)?.residentBytes ?? 0, files });
    return before;
  }

  /** One fault after the other; each has to be over before the next comes. */
  async #blowOn(world: World): Promise<void> {
    const { seed, short, only = '' } = this.#options;
    const chance = new Chance(seed + 7_919);
    const bag = short ? oneOfEach(this.#options, chance) : allInTurn(this.#options, chance);
    const end = this.#end;
    let left = short ? howManyFirst(this.#options) : 0;
    for (const fault of bag) {
      if (!fault.name.startsWith(only)) continue;
      const [least, most] = this.#pace.betweenMs;
      await pause(least + chance.number(most - least));
      if (performance.now() >= end && left <= 0) return;
      left -= 1;
      await this.#blow(fault, world, chance);
    }
  }

  async #blow(fault: Fault, world: World, chance: Chance): Promise<void> {
    const bound = boundMs(fault, this.#pace);
    const wrong = (why: string): void => this.#violations.add(`after ${fault.name}: ${why}`);
    const struck = await strike({ fault, world, chance, pace: this.#pace, boundMs: bound, wrong });
    if (struck.failed !== undefined) wrong(struck.failed);
    const what = `${fault.name}: ${struck.words}`;
    const tookMs = await this.#allAnswer(world, struck.from, bound, `after ${what}`);
    const record = this.#faults.get(fault.name) ?? { times: 0, recoveriesMs: [], boundMs: boundMs(fault, this.#pace) };
    this.#faults.set(fault.name, record);
    record.times += 1;
    const counted = struck.tookMs ?? tookMs;
    if (counted !== null) record.recoveriesMs.push(counted);
    this.#say(`${what}: all answered again after ${tookMs === null ? 'never' : `${Math.round(tookMs)} ms`}`);
    await struck.until?.();
  }

  /** By every way, with no respect for which of them the fault has struck: milliseconds until the last one answers. */
  async #allAnswer(world: World, from: number, bound: number, when: string): Promise<number | null> {
    const wrong = (why: string): void => this.#violations.add(`${when}: ${why}`);
    let last: number | null = 0;
    let slowest = '';
    await Promise.all(
      probesOf(world).map(async (probe) => {
        const ms = await answersAgain(probe, from, bound, wrong);
        if (ms === null) this.#violations.add(`${when}: ${probe.name} did not answer within ${Math.round(bound / 1_000)} s`);
        if (ms !== null && last !== null && ms > last) slowest = probe.name;
        last = ms === null || last === null ? null : Math.max(last, ms);
      }),
    );
    if (last !== null && last > slowMs) this.#say(`${slowest} was the last to answer, after ${Math.round(last)} ms`);
    return last;
  }

  /** A storm in which nothing came through has shown nothing. */
  #judgeLoad(world: World): void {
    const raw = world.gateways.some(({ entrances }) => entrances.some((entrance) => entrance.raw !== null));
    for (const work of works) {
      const possible = raw || (work !== 'tcp' && work !== 'udp');
      if (possible && (this.#tally.by.get(work)?.whole ?? 0) === 0) this.#violations.add(`not one ${work} ended well`);
    }
  }
}
