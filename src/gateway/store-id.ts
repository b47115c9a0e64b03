/** What tells the store of a gateway from every other: two gateways with the same one share sessions, links and certificates. */

import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { SallyportError } from '../core/errors.ts';
import type { Store } from '../contracts/store.ts';

const key = 'store/id';

/**
 * A secret of the store, made once, together with the place of its file: a restored backup has the secret, too, and is
 * another store. Error: `store-unavailable`.
 */
export async function storeIdOf(store: Store, path: string, randomBytes: (count: number) => Uint8Array): Promise<string> {
  const { dev, ino } = await stat(path);
  return `${await secretOf(store, randomBytes)} ${hostname()} ${dev} ${ino}`;
}

async function secretOf(store: Store, randomBytes: (count: number) => Uint8Array): Promise<string> {
  const found = await store.records.get(key);
  if (typeof found?.value === 'string') return found.value;
  const made = Buffer.from(randomBytes(16)).toString('base64url');
  try {
    await store.records.put(key, made, { ifVersion: found?.version ?? 0 });
    return made;
  } catch (error) {
    // Another process of this home was faster.
    if (error instanceof SallyportError && error.code === 'record-conflicted') return secretOf(store, randomBytes);
    throw error;
  }
}
