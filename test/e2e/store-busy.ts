/** Somebody who writes to a store without a pause, as another process of its home would. */

import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';

/** `stop` returns how many writes were confirmed. */
export async function createSqliteWriter(path: string): Promise<Readonly<{ stop: () => Promise<number> }>> {
  const store = await openSqliteStore({ path, now: Date.now });
  const going = new AbortController();
  let count = 0;
  const writing = (async () => {
    while (!going.signal.aborted) {
      await store.records.put(`busy/${count % 50}`, { count, text: 'x'.repeat(500) });
      count += 1;
      await new Promise((resolve) => void setImmediate(resolve));
    }
  })();
  return {
    stop: async () => {
      going.abort();
      await writing;
      await store.close();
      return count;
    },
  };
}
