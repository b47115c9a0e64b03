/** Names outside of the relay's domain that gateways have proved: one record a name. */

import { z } from 'zod';
import { canonicalHost } from '../../core/http/host.ts';
import { parseIp } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Entry, Json, Store } from '../../contracts/store.ts';
import { fingerprintForm, releasedMs } from './names.ts';

export const ownNamesPrefix = 'own-names/';

/** Times in milliseconds since 1970. */
export type OwnName = Readonly<{
  owner: string;
  since: number;
  /** When its record was seen last. */
  proved: number;
  /** Since when no lookup has proved it; null while the last one did. */
  failing: number | null;
  /** Since when the name servers say that the record is gone. */
  absent: number | null;
  /** Since when nobody holds it, though only its last owner may have it again. */
  released: number | null;
}>;

export type KeptOwnName = Readonly<{ name: string; own: OwnName }>;

const time = z.number().nullable();
const kept: z.ZodType<OwnName> = z.strictObject({
  owner: z.string().regex(fingerprintForm),
  since: z.number(),
  proved: z.number(),
  failing: time,
  absent: time,
  released: time,
});

export function ownNameIn(value: Json): OwnName | null {
  return kept.safeParse(value).data ?? null;
}

/**
 * Whether a canonical host may be somebody's own at a relay for `domain`: a name with a dot that the relay neither is, nor
 * lies below, nor has below it.
 */
export function mayBeOwn(host: string, domain: string): boolean {
  if (canonicalHost(host) !== host || !host.includes('.') || parseIp(host) !== null || /\.\d+$/.test(host)) return false;
  return host !== domain && !host.endsWith(`.${domain}`) && !domain.endsWith(`.${host}`);
}

/** Whether any key may prove it. */
export function isFreeOwn(own: OwnName | null, now: number): boolean {
  return own === null || (own.released !== null && own.released + releasedMs <= now);
}

export function ownNameEntry(store: Store, name: string): Promise<Entry | null> {
  return store.records.get(ownNamesPrefix + name);
}

export async function listOwnNames(store: Store): Promise<readonly KeptOwnName[]> {
  const entries = await store.records.list(ownNamesPrefix);
  return entries.flatMap(({ key, value }) => {
    const own = ownNameIn(value);
    return own === null ? [] : [{ name: key.slice(ownNamesPrefix.length), own }];
  });
}

/** False when somebody was faster. `before`: what stood there. */
export async function writeOwnName(store: Store, name: string, before: Entry | null, own: OwnName): Promise<boolean> {
  try {
    const ttl = own.released === null ? {} : { ttlMs: releasedMs };
    await store.records.put(ownNamesPrefix + name, { ...own }, { ifVersion: before?.version ?? 0, ...ttl });
    return true;
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'record-conflicted') return false;
    throw error;
  }
}

/** Takes it from its owner; for 90 days no other key gets it, unless `anyKey`. Errors: `gateway-missing`, `record-conflicted`. */
export async function releaseOwnName(
  store: Store,
  name: string,
  { now, anyKey }: Readonly<{ now: number; anyKey: boolean }>,
): Promise<void> {
  const entry = await ownNameEntry(store, name);
  const own = entry === null ? null : ownNameIn(entry.value);
  if (entry === null)
    throw new SallyportError('gateway-missing', `Nobody has proved the name ${name} here.`, {
      hint: 'See who owns what: sallyport relay names list',
    });
  if (anyKey || own === null) await store.records.delete(ownNamesPrefix + name, { ifVersion: entry.version });
  else if (own.released === null && !(await writeOwnName(store, name, entry, { ...own, released: now })))
    throw new SallyportError('record-conflicted', `Somebody else changed the name ${name} meanwhile.`, { hint: 'Look again, and repeat.' });
}

/** All of a key go over to another one; its record must name the new key within the time that a failing proof has. */
export async function moveOwnNames(store: Store, { from, to }: Readonly<{ from: string; to: string }>): Promise<void> {
  for (const entry of await store.records.list(ownNamesPrefix)) {
    const own = ownNameIn(entry.value);
    if (own?.owner === from) await writeOwnName(store, entry.key.slice(ownNamesPrefix.length), entry, { ...own, owner: to });
  }
}

/** Takes all of a key's. */
export async function releaseOwnNames(store: Store, fingerprint: string, now: number): Promise<void> {
  for (const { name, own } of await listOwnNames(store))
    if (own.owner === fingerprint) await releaseOwnName(store, name, { now, anyKey: false });
}
