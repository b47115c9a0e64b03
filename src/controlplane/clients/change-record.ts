/** Changes one record that other processes change as well. */

import type { Json, Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';

/** Somebody else is faster seldom: all write some seconds apart. */
const triesMax = 5;

/** False when the store is away, or somebody else was faster each time. Never throws for what the store says. */
export async function changeRecord(
  records: Records,
  key: string,
  change: (value: Json) => Json,
  options: Readonly<{ ttlMs?: number }> = {},
): Promise<boolean> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    try {
      const entry = await records.get(key);
      await records.put(key, change(entry?.value ?? null), { ifVersion: entry?.version ?? 0, ...options });
      return true;
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      if (error.code !== 'record-conflicted') return false;
    }
  }
  return false;
}
