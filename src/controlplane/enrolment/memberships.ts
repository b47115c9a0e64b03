/** The relays that this home has joined: their addresses, their keys and what they granted. */

import { z } from 'zod';
import type { Store } from '../../contracts/store.ts';

/** `address` HOST:PORT; `fingerprint` of the relay's key; `grants` canonical names, wildcards included; `via` as it was said when joining. */
export type Membership = Readonly<{
  address: string;
  fingerprint: string;
  /** The relay's key to come, once it was announced: pinned beside the other. */
  next?: string | null | undefined;
  domain: string;
  grants: readonly string[];
  joinedAt: number;
  via?: string | undefined;
}>;

const prefix = 'memberships/';

const kept: z.ZodType<Membership> = z.strictObject({
  address: z.string(),
  fingerprint: z.string(),
  next: z.string().nullable().optional(),
  domain: z.string(),
  grants: z.array(z.string()),
  joinedAt: z.number(),
  via: z.string().optional(),
});

/**
 * One for each relay: joining again renews it, and leaves others as they are. An address is one relay: whoever has another
 * key there now took its place, as the invitation says. Errors: `store-unavailable`, `disk-full`.
 */
export async function addMembership(store: Store, membership: Membership): Promise<void> {
  await saveMembership(store, membership);
  for (const { address, fingerprint } of await listMemberships(store))
    if (address === membership.address && fingerprint !== membership.fingerprint) await store.records.delete(prefix + fingerprint);
}

/** Errors: `store-unavailable`, `disk-full`. */
export async function forgetMembership(store: Store, { fingerprint }: Membership): Promise<void> {
  await store.records.delete(prefix + fingerprint);
}

async function saveMembership(store: Store, membership: Membership): Promise<void> {
  const { via, next, ...rest } = membership;
  await store.records.put(prefix + membership.fingerprint, {
    ...rest,
    grants: [...membership.grants],
    ...(via === undefined ? {} : { via }),
    ...(next === undefined ? {} : { next }),
  });
}

/** The latest first. What cannot be read is left out: it grants nothing. */
export async function listMemberships(store: Store): Promise<readonly Membership[]> {
  const entries = await store.records.list(prefix);
  return entries
    .map(({ value }) => kept.safeParse(value).data)
    .filter((membership) => membership !== undefined)
    .toSorted((one, other) => other.joinedAt - one.joinedAt);
}

/** The relay has another key, or announced one: remembered under the one that it has now. Nothing where nothing was joined. */
export async function renewMembership(
  store: Store,
  before: string,
  keys: Readonly<{ fingerprint: string; next: string | null }>,
): Promise<void> {
  const found = (await listMemberships(store)).find(({ fingerprint }) => fingerprint === before);
  if (found === undefined) return;
  await saveMembership(store, { ...found, ...keys });
  if (keys.fingerprint !== before) await store.records.delete(prefix + before);
}
