/** Who owns a name: one record a name, created by whoever comes first, deleted by the operator only. */

import { SallyportError } from '../../core/errors.ts';
import type { Json, Store } from '../../contracts/store.ts';

export const namesPrefix = 'names/';

/** The record's key, or null when the text is no single label (RFC 1035, 2.3.1). */
export function keyOfName(label: string): string | null {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label) ? `${namesPrefix}${label}` : null;
}

/** The fingerprint in a record, or null when it is of no shape that we write. */
export function ownerIn(value: Json): string | null {
  const owner = typeof value === 'object' && value !== null && 'owner' in value ? value['owner'] : null;
  return typeof owner === 'string' && /^[0-9a-f]{64}$/.test(owner) ? owner : null;
}

/** Whose it is. A record that cannot be read belongs to somebody we do not know: never to nobody. */
export async function ownerOf(store: Store, label: string): Promise<string | null> {
  const entry = await store.records.get(key(label));
  return entry === null ? null : (ownerIn(entry.value) ?? 'unreadable');
}

/** Makes the name this key's, if it is nobody's or its own. */
export async function takeName(store: Store, label: string, fingerprint: string, now: number): Promise<boolean> {
  try {
    await store.records.put(key(label), { owner: fingerprint, since: now }, { ifVersion: 0 });
    return true;
  } catch (error) {
    if (!(error instanceof SallyportError) || error.code !== 'record-conflicted') throw error;
    return (await ownerOf(store, label)) === fingerprint;
  }
}

export type OwnedName = Readonly<{ name: string; owner: string }>;

/** All names with their owners. */
export async function listNames(store: Store): Promise<readonly OwnedName[]> {
  const entries = await store.records.list(namesPrefix);
  return entries.map((entry) => ({ name: entry.key.slice(namesPrefix.length), owner: ownerIn(entry.value) ?? 'unreadable' }));
}

/** Takes every name from this key; relays that watch the store cut its carriers. Returns the names. */
export async function revokeGateway(store: Store, fingerprint: string): Promise<readonly string[]> {
  const owned = (await listNames(store)).filter((one) => one.owner === fingerprint).map((one) => one.name);
  for (const name of owned) await store.records.delete(key(name));
  return owned;
}

function key(label: string): string {
  const found = keyOfName(label);
  if (found === null) throw new SallyportError('name-malformed', 'A name is one label of letters, digits and hyphens.');
  return found;
}
