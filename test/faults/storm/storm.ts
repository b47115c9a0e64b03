/** The storm: a load of visitors, and something that is killed, frozen, cut, delayed or restarted every few seconds. */

import { setTimeout as pause } from 'node:timers/promises';
import { withoutProc } from '../../e2e/memory.ts';
import { Chance } from '../../fuzz/chance.ts';
import { allFaults, boundMs, dealOnce, longPace, mayStrike, shortPace, shuffled, strike } from './fault-list.ts';
import type { Fault, Pace } from './fault-list.ts';
import { startLoad, type Load } from './load.ts';
import { answersAgain } from './recovery.ts';
import { Tally, Violations, works } from './tally.ts';
import type { Footprint, Unit } from './unit.ts';
import { startWorld, type Context, type Site, type World } from './world.ts';

export type StormOptions = Readonly<{
  seed: number;
  visitors: number;
  /** Of faults; null is one of each kind, quickly. */
  seconds: number | null;
  relays: number;
  gateways: number;
  /** How the service of each gateway is bad. */
  lies?: readonly (readonly string[])[];
  /** False leaves them out: for a look at the load alone. */
  faults?: boolean;
  settleMs?: number;
  /** Told as it goes. */
  say: (line: string) => void;
}>;

export type FaultRecord = { times: number; readonly recoveriesMs: number[]; readonly boundMs: number };

export type Remains = Readonly<{ unit: Unit; survived: boolean; before: Footprint; after: Footprint }>;

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
}>;

/** What may stay: a pool's worth of connections, the file of the records. */
export const filesMore = 12;
/** A heap that has its size by then, and what the allocator keeps. */
export const residentBytesMore = 80_000_000;
/** The last idle connection ends by a deadline of the product: pools after 30 s, carriers as well. */
const settleMs = 45_000;
/** The services of the storm close what is idle after a second, and then nothing stays longer. */
const settleMsShort = 15_000;

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
  const report = await storm.run(context);
  return { ...report, options, violations, tookMs: performance.now() - began, log };
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
    this.#pace = options.seconds === null ? shortPace : longPace;
    this.#chance = new Chance(options.seed);
    this.#tally = new Tally(violations);
  }

  async run(context: Context): Promise<Pick<Report, 'faults' | 'tally' | 'remains' | 'world'>> {
    const short = this.#options.seconds === null;
    const world = await startWorld(context, {
      relays: this.#options.relays,
      gateways: this.#options.gateways,
      carrierIdleMs: short ? this.#pace.carrierIdleMs : null,
      patienceMs: short ? 6_000 : 20_000,
      lies: this.#options.lies ?? [],
      violations: this.#violations,
    });
    this.#say('all are ready');
    const before = await this.#warmUp(world);
    const load = this.#load(world);
    if (this.#options.faults === false) await pause(3_000);
    else await Promise.all(world.sites.map((site, number) => this.#blowOn(site, number)));
    this.#say('the storm is over');
    await load.stop();
    this.#say('the visitors have left');
    for (const { visitorLine, places } of world.sites)
      for (const line of [visitorLine, ...places.map((place) => place.carrierLine)]) line.clear();
    await this.#lastLook(world);
    const remains = before === null ? null : await this.#remains(world, before);
    for (const unit of world.units) await unit.end();
    this.#judgeLoad();
    return { faults: this.#faults, tally: this.#tally, remains, world };
  }

  #load(world: World): Load {
    const doors = world.sites.flatMap(({ places }) => places.map(({ door }) => door));
    const messagesMax = this.#options.seconds === null ? 20 : 150;
    return startLoad({ doors, visitors: this.#options.visitors, tally: this.#tally, chance: this.#chance, messagesMax });
  }

  /** Code is compiled and heaps have their size before anything is measured. */
  async #warmUp(world: World): Promise<Map<Unit, Footprint> | null> {
    const idle = withoutProc === false ? footprints(world) : null;
    const load = this.#load(world);
    await pause(this.#options.seconds === null ? 1_500 : Math.min(20_000, this.#options.seconds * 100));
    await load.stop();
    if (idle === null) return null;
    await this.#settled(world, idle);
    const before = footprints(world);
    // What is open while nothing happens counts, not what happened to be open still.
    for (const [unit, { files }] of idle) before.set(unit, { residentBytes: before.get(unit)?.residentBytes ?? 0, files });
    return before;
  }

  /** One fault after the other on one site; each has to be over before the next comes. */
  async #blowOn(site: Site, number: number): Promise<void> {
    const { seconds, relays, seed } = this.#options;
    const chance = new Chance(seed + 7_919 * (number + 1));
    const end = performance.now() + (seconds ?? 0) * 1_000;
    let bag: readonly Fault[] = seconds === null ? (dealOnce(relays, new Chance(seed))[number] ?? []) : [];
    for (;;) {
      if (bag.length === 0) {
        if (seconds === null) return;
        bag = shuffled(
          allFaults.filter((fault) => mayStrike(fault, number, relays)),
          chance,
        );
      }
      const [fault, ...rest] = bag;
      bag = rest;
      const [least, most] = this.#pace.betweenMs;
      await pause(least + chance.number(most - least));
      if (fault === undefined || (seconds !== null && performance.now() >= end)) return;
      await this.#blow(fault, site, number, chance);
    }
  }

  async #blow(fault: Fault, site: Site, number: number, chance: Chance): Promise<void> {
    const bound = boundMs(fault, this.#pace);
    const struck = await strike(fault, site, chance.pick(site.places), chance, this.#pace);
    const what = `${fault.name} at relay ${number + 1}${struck.words === '' ? '' : `, ${struck.words}`}`;
    const wrong = (why: string): void => this.#violations.add(`after ${what}: ${why}`);
    const took = await Promise.all(site.places.map(({ door }) => answersAgain(door, struck.from, bound, wrong)));
    const record = this.#faults.get(fault.name) ?? { times: 0, recoveriesMs: [], boundMs: bound };
    this.#faults.set(fault.name, record);
    record.times += 1;
    for (const [place, ms] of took.entries()) {
      if (ms === null) this.#violations.add(`after ${what}: ${site.places[place]?.door.url.host} did not answer within ${bound / 1_000} s`);
      else record.recoveriesMs.push(ms);
    }
    this.#say(`${what}: answered again after ${took.map((ms) => (ms === null ? 'never' : `${Math.round(ms)} ms`)).join(', ')}`);
    await struck.until?.();
  }

  /** Once more, with nobody else there. */
  async #lastLook(world: World): Promise<void> {
    for (const { door } of world.sites.flatMap(({ places }) => places)) {
      const ms = await answersAgain(door, performance.now(), 45_000, (why) => this.#violations.add(why));
      if (ms === null) this.#violations.add(`at the end: ${door.url.host} does not answer`);
    }
  }

  async #remains(world: World, before: ReadonlyMap<Unit, Footprint>): Promise<readonly Remains[]> {
    await this.#settled(world, before);
    const after = footprints(world);
    return world.units.flatMap((unit) => {
      const [was, is] = [before.get(unit), after.get(unit)];
      if (was === undefined || is === undefined) return [];
      const grown = is.residentBytes - was.residentBytes;
      if (is.files > was.files + filesMore) this.#violations.add(`${unit.name} has ${is.files} files open, ${was.files} before`);
      if (grown > residentBytesMore)
        this.#violations.add(`${unit.name} has ${Math.round(grown / 1_000_000)} MB more in memory than before`);
      return [{ unit, survived: unit.lives.length === 1, before: was, after: is }];
    });
  }

  /** Waits until what was opened is closed again, and no longer than the product's own deadlines need. */
  async #settled(world: World, before: ReadonlyMap<Unit, Footprint>): Promise<void> {
    const open = (): boolean => world.units.some((unit) => unit.footprint().files > (before.get(unit)?.files ?? 0) + filesMore / 2);
    const patienceMs = this.#options.settleMs ?? (this.#options.seconds === null ? settleMsShort : settleMs);
    for (const end = performance.now() + patienceMs; open() && performance.now() < end;) await pause(100);
  }

  /** A storm in which nothing came through has shown nothing. */
  #judgeLoad(): void {
    for (const work of works) {
      if ((this.#tally.by.get(work)?.whole ?? 0) === 0) this.#violations.add(`not one ${work} ended well`);
    }
  }
}

function footprints(world: World): Map<Unit, Footprint> {
  return new Map(world.units.map((unit) => [unit, unit.footprint()] as const));
}
