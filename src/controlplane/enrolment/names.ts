/** Who owns a name, and how far the grant goes: one record a name, created by whoever comes first. */

import { z } from 'zod';
import { SallyportError } from '../../core/errors.ts';
import type { Entry, Json, Store } from '../../contracts/store.ts';
import type { Sharing } from '../../contracts/tunnel.ts';
import { boundsJson, boundsShape, unbounded, type Bounds } from './bounds.ts';
import { isLabel } from './name-pattern.ts';

export const namesPrefix = 'names/';
/** Where the blocks of names stand. */
const blockedNamesPrefix = 'blocks/name/';

/** A released name goes to no other key so long: DNS records and links of others still lead to it. */
export const releasedMs = 90 * 86_400_000;

/** Keys that share one name, the owner included: a name is carried by a few machines, not by a fleet. */
const keysPerNameMax = 8;

/**
 * `released`: since when nobody holds it, though only its last owner may have it again. `members`: keys that hold it beside
 * the owner, in the order in which they came. Times in milliseconds since 1970.
 */
export type Grant = Readonly<{
  owner: string;
  since: number;
  released: number | null;
  bounds: Bounds;
  share: Sharing['how'];
  members: readonly string[];
}>;

/** All keys that may hold it, the owner first. */
export function keysOf({ owner, members }: Grant): readonly string[] {
  return members.length === 0 ? [owner] : [owner, ...members];
}

/** `grant` null: of no shape that we write. Such a name belongs to somebody we do not know: never to nobody. */
export type OwnedName = Readonly<{ name: string; grant: Grant | null }>;

export const fingerprintForm = /^[0-9a-f]{64}$/;

const kept = z.strictObject({
  owner: z.string().regex(fingerprintForm),
  since: z.number(),
  released: z.number().nullable().default(null),
  bounds: boundsShape.default(unbounded),
  share: z.enum(['alone', 'standby', 'spread']).default('alone'),
  members: z
    .array(z.string().regex(fingerprintForm))
    .max(keysPerNameMax - 1)
    .default([]),
});

/** The record's key, or null when the text is no single label (RFC 1035, 2.3.1). */
export function keyOfName(label: string): string | null {
  return isLabel(label) ? `${namesPrefix}${label}` : null;
}

/** What a record says, or null when it is of no shape that we write. */
export function grantIn(value: Json): Grant | null {
  return kept.safeParse(value).data ?? null;
}

/** When a grant's name stopped being held by right: at its release or at its end. Null while it holds. */
export function endedAt({ released, bounds }: Grant, now: number): number | null {
  if (released !== null) return released;
  return bounds.expires !== null && bounds.expires <= now ? bounds.expires : null;
}

/** Whether any key may have the name: nobody ever had it, or it was let go long ago. */
export function isFree(owned: OwnedName | null, now: number): boolean {
  if (owned === null) return true;
  const ended = owned.grant === null ? null : endedAt(owned.grant, now);
  return ended !== null && ended + releasedMs <= now;
}

export async function readName(store: Store, label: string): Promise<OwnedName | null> {
  const entry = await store.records.get(keyFor(label));
  return entry === null ? null : { name: label, grant: grantIn(entry.value) };
}

/** All names with their grants, released ones included. */
export async function listNames(store: Store): Promise<readonly OwnedName[]> {
  const entries = await store.records.list(namesPrefix);
  return entries.map((entry) => ({ name: entry.key.slice(namesPrefix.length), grant: grantIn(entry.value) }));
}

/** Whether a grant reaches beyond its own name: such grants are few, and the only ones that can meet another. */
export function isWide({ bounds }: Grant): boolean {
  return bounds.ports !== null || (bounds.names ?? []).some((pattern) => !pattern.includes('.'));
}

function looksPlain(value: Json): boolean {
  const bounds = typeof value === 'object' && value !== null && 'bounds' in value ? value['bounds'] : undefined;
  if (typeof bounds !== 'object' || bounds === null) return bounds === undefined;
  return 'names' in bounds && bounds['names'] === null && 'ports' in bounds && bounds['ports'] === null;
}

/** The wide ones of all grants. Of ten thousand records few are looked at closely. */
export async function listWide(store: Store): Promise<readonly OwnedName[]> {
  const entries = await store.records.list(namesPrefix);
  return entries
    .filter(({ value }) => !looksPlain(value))
    .map((entry) => ({ name: entry.key.slice(namesPrefix.length), grant: grantIn(entry.value) }))
    .filter(({ grant }) => grant !== null && isWide(grant));
}

/** `anyKey`: the operator's word that a name may leave its last owner before its time. */
export type Taking = Readonly<{ fingerprint: string; bounds: Bounds; now: number; anyKey: boolean; share: Sharing['how'] }>;

/** Makes the name this key's, if it is nobody's or its own. False when it is another's, or somebody was faster. */
export async function takeName(store: Store, label: string, taking: Taking): Promise<boolean> {
  const { fingerprint, bounds, now, anyKey, share } = taking;
  const entry = await store.records.get(keyFor(label));
  const owned = entry === null ? null : { name: label, grant: grantIn(entry.value) };
  const own = owned?.grant?.owner === fingerprint;
  const letGo = owned !== null && owned.grant !== null && endedAt(owned.grant, now) !== null;
  if (!own && !isFree(owned, now) && !(anyKey && letGo)) return false;
  return write(store, label, entry, { owner: fingerprint, since: now, released: null, bounds, share, members: [] });
}

/**
 * Puts a key beside the owner of a name, who must still be the one of the invitation. False when it is another's by now, has
 * ended, has as many keys as it may, or somebody was faster.
 */
export async function joinName(
  store: Store,
  label: string,
  { fingerprint, owner, share, now }: Readonly<{ fingerprint: string; owner: string; share: Sharing['how']; now: number }>,
): Promise<boolean> {
  const entry = await store.records.get(keyFor(label));
  const grant = entry === null ? null : grantIn(entry.value);
  if (entry === null || grant === null || grant.owner !== owner || endedAt(grant, now) !== null) return false;
  const members = keysOf(grant).includes(fingerprint) ? grant.members : [...grant.members, fingerprint];
  return members.length < keysPerNameMax && write(store, label, entry, { ...grant, share, members });
}

/**
 * Gives a name to another key, with its bounds; whoever shared it with the old owner shares it no more. Errors: `gateway-missing` (nobody owns it), `usage-wrong` (no key),
 * `relay-blocked`, `name-taken` for a released one without `anyKey`, `record-conflicted`.
 */
export async function transferName(
  store: Store,
  label: string,
  to: Readonly<{ fingerprint: string; now: number; anyKey: boolean }>,
): Promise<void> {
  const { entry, grant } = await owned(store, label);
  if (!fingerprintForm.test(to.fingerprint))
    throw new SallyportError('usage-wrong', 'A key is 64 hexadecimal digits.', {
      hint: 'See the keys that have joined: sallyport relay gateways list',
    });
  const blocked = await store.records.get(`${blockedNamesPrefix}${label}`);
  if (blocked !== null)
    throw new SallyportError('relay-blocked', `The name ${label} is blocked: no other key gets it.`, {
      hint: 'sallyport relay blocks says why; sallyport relay unblock ends it.',
    });
  if (grant.released !== null && grant.owner !== to.fingerprint && !to.anyKey)
    throw new SallyportError('name-taken', `The name ${label} was released, and is kept for its last owner until ${day(grant.released)}.`, {
      hint: 'Whoever still trusts that name would come to the new owner. If that is meant, say --now.',
    });
  if (!(await write(store, label, entry, { ...grant, owner: to.fingerprint, since: to.now, released: null, share: 'alone', members: [] })))
    throw conflicted(label);
}

/** Takes a name from its owner; for 90 days no other key gets it, unless `anyKey`. Errors: `gateway-missing`, `record-conflicted`. */
export async function releaseName(store: Store, label: string, { now, anyKey }: Readonly<{ now: number; anyKey: boolean }>): Promise<void> {
  const { entry, grant } = await owned(store, label);
  if (anyKey) await store.records.delete(keyFor(label), { ifVersion: entry.version });
  else
    await store.records.put(keyFor(label), grantJson({ ...grant, released: now, share: 'alone', members: [] }), {
      ifVersion: entry.version,
      ttlMs: releasedMs,
    });
}

/**
 * Takes every name from this key; relays that watch the store cut its carriers. A name that others share stays theirs: the
 * first of them owns it. Returns the names.
 */
export async function revokeGateway(store: Store, fingerprint: string, now: number): Promise<readonly string[]> {
  const all = await listNames(store);
  const names = all.filter(({ grant }) => grant !== null && grant.released === null && keysOf(grant).includes(fingerprint));
  for (const { name } of names) await leaveName(store, name, { fingerprint, now });
  return names.map(({ name }) => name);
}

/** Takes one name from one of its keys. */
async function leaveName(store: Store, label: string, { fingerprint, now }: Readonly<{ fingerprint: string; now: number }>): Promise<void> {
  const { entry, grant } = await owned(store, label);
  const [heir, ...members] = keysOf(grant).filter((key) => key !== fingerprint);
  if (heir === undefined) return releaseName(store, label, { now, anyKey: false });
  if (!(await write(store, label, entry, { ...grant, owner: heir, members }))) throw conflicted(label);
}

/** All names of a key, and what is left to it of released ones, go over to the key that comes after it. Returns the names. */
export async function moveGateway(
  store: Store,
  { from, to, now }: Readonly<{ from: string; to: string; now: number }>,
): Promise<readonly string[]> {
  const moved: string[] = [];
  for (const entry of await store.records.list(namesPrefix)) {
    const grant = grantIn(entry.value);
    if (grant === null || !keysOf(grant).includes(from)) continue;
    const [owner = to, ...members] = [...new Set(keysOf(grant).map((key) => (key === from ? to : key)))];
    const left = entry.expires === null ? {} : { ttlMs: Math.max(1, entry.expires - now) };
    await store.records.put(entry.key, grantJson({ ...grant, owner, members }), { ifVersion: entry.version, ...left });
    moved.push(entry.key.slice(namesPrefix.length));
  }
  return moved;
}

async function owned(store: Store, label: string): Promise<Readonly<{ entry: Entry; grant: Grant }>> {
  const entry = await store.records.get(keyFor(label));
  const grant = entry === null ? null : grantIn(entry.value);
  if (entry !== null && grant !== null) return { entry, grant };
  throw new SallyportError('gateway-missing', `Nobody owns the name ${label} here.`, {
    hint: 'See who owns what: sallyport relay names list',
  });
}

async function write(store: Store, label: string, before: Entry | null, grant: Grant): Promise<boolean> {
  try {
    await store.records.put(keyFor(label), grantJson(grant), { ifVersion: before?.version ?? 0 });
    return true;
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'record-conflicted') return false;
    throw error;
  }
}

/** What nobody shares is written as before there was sharing. */
function grantJson({ owner, since, released, bounds, share, members }: Grant): Json {
  const shared = share === 'alone' && members.length === 0 ? {} : { share, members: [...members] };
  return { owner, since, released, bounds: boundsJson(bounds), ...shared };
}

/** The day on which anybody may have a name that was released then. */
function day(released: number): string {
  return new Date(released + releasedMs).toISOString().slice(0, 10);
}

function conflicted(label: string): SallyportError {
  return new SallyportError('record-conflicted', `Somebody else changed the name ${label} meanwhile.`, { hint: 'Look again, and repeat.' });
}

function keyFor(label: string): string {
  const found = keyOfName(label);
  if (found === null) throw new SallyportError('name-malformed', 'A name is one label of letters, digits and hyphens.');
  return found;
}
