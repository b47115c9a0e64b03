/** What is left when all visitors have gone: memory, descriptors, old relays, and what reached a service twice. */

import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { withoutProc } from '../../e2e/memory.ts';
import type { Violations } from './tally.ts';
import type { Footprint, Unit } from './unit.ts';
import type { World } from './world.ts';

export type Remains = Readonly<{ unit: Unit; survived: boolean; before: Footprint; after: Footprint }>;

/** What may stay: a pool's worth of connections, the file of the records. */
export const filesMore = 12;
/** A heap that has its size by then, and what the allocator keeps. */
export const residentBytesMore = 80_000_000;

/** Null where the system does not say. */
export function footprints(world: World): Map<Unit, Footprint> | null {
  return withoutProc === false ? new Map(world.units.map((unit) => [unit, unit.footprint()] as const)) : null;
}

/** Waits until what was opened is closed again, and no longer than the product's own deadlines need. */
export async function settled(world: World, before: ReadonlyMap<Unit, Footprint>, patienceMs: number): Promise<void> {
  const open = (): boolean => world.units.some((unit) => unit.footprint().files > (before.get(unit)?.files ?? 0) + filesMore / 2);
  for (const end = performance.now() + patienceMs; open() && performance.now() < end;) await pause(100);
}

export function judgeRemains(world: World, before: ReadonlyMap<Unit, Footprint>, violations: Violations): readonly Remains[] {
  const after = footprints(world);
  return world.units.flatMap((unit) => {
    const [was, is] = [before.get(unit), after?.get(unit)];
    if (was === undefined || is === undefined) return [];
    const grown = is.residentBytes - was.residentBytes;
    if (is.files > was.files + filesMore) violations.add(`${unit.name} has ${is.files} files open, ${was.files} before`);
    if (grown > residentBytesMore) violations.add(`${unit.name} has ${Math.round(grown / 1_000_000)} MB more in memory than before`);
    return [{ unit, survived: unit.steady, before: was, after: is }];
  });
}

/** Relays that were followed by another one end when nothing runs on them. */
export async function judgeLeavers(world: World, patienceMs: number, violations: Violations): Promise<void> {
  const leavers = (): readonly string[] =>
    world.relays.flatMap(({ unit }) => unit.leavers().map((pid) => `${unit.name}: process ${String(pid)}`));
  for (const end = performance.now() + patienceMs; leavers().length > 0 && performance.now() < end;) await pause(100);
  for (const one of leavers()) violations.add(`${one} was followed by another one, and is still there`);
}

/** Each service looks for itself, over its lives; this looks over all services. */
export function judgeSeen(seenFiles: readonly string[], violations: Violations): void {
  const seen = new Set<string>();
  for (const seenFile of seenFiles) {
    for (const path of existsSync(seenFile) ? new Set(readFileSync(seenFile, 'utf8').split('\n')) : []) {
      if (path !== '' && seen.has(path)) violations.add(`${path} came to two services`);
      seen.add(path);
    }
  }
}
