/** A process that writes to a store as fast as it can and says what was confirmed, until it is killed: `store-writer.ts PATH NAME`. */

import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';

const [path = '', name = ''] = process.argv.slice(2);
const store = await openSqliteStore({ path, now: Date.now });

for (;;) {
  // One step of a chain that both processes lengthen: who was overtaken reads again.
  const there = await store.records.get('chain');
  const next = (typeof there?.value === 'number' ? there.value : 0) + 1;
  try {
    await store.records.put('chain', next, { ifVersion: there?.version ?? 0 });
  } catch (error) {
    if ((error as { code?: string }).code !== 'record-conflicted') throw error;
    continue;
  }
  await store.records.put(`step/${String(next).padStart(9, '0')}`, { name, filler: 'x'.repeat(next % 2_000) });
  await store.counters.add('steps', 1, 3_600_000);
  writeSync(1, `${next}\n`);
}
