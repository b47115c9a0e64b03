/** Invitations at the relay: made once, redeemed once, kept as hashes. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalHost } from '../../core/http/host.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Store } from '../../contracts/store.ts';
import type { Sharing } from '../../contracts/tunnel.ts';
import { formatInvite } from './invite-code.ts';
import { boundsJson, boundsShape, portsOverlap, unbounded, type Bounds } from './bounds.ts';
import { isBlocked } from './blocks.ts';
import { overlap } from './name-pattern.ts';
import { endedAt, fingerprintForm, isFree, joinName, keyOfName, listWide, readName, takeName, type OwnedName } from './names.ts';
import { reservedFor } from './reserved-names.ts';

export type InviteOptions = Readonly<{
  /** `blog`, or `blog.example.org` where the domain is example.org. */
  name: string;
  domain: string;
  /** HOST:PORT by which gateways reach this relay. */
  relayAddress: string;
  /** Of the relay's key. */
  fingerprint: string;
  lifeMs: number;
  /** How far the grant goes; everything below the name when nothing is said. */
  bounds?: Bounds;
  /** A released name may go to any key before its 90 days are over. */
  anyKey?: boolean;
  /** Further gateways may share the name. Where it belongs to one already, who spends this holds it beside that one. */
  share?: Sharing['how'];
  /** The operator means a name that stands for something else by custom. */
  reserved?: boolean;
  now: number;
  randomBytes: (count: number) => Uint8Array;
}>;

/** `code` is shown once and kept nowhere. `expires` in milliseconds since 1970. `onlyFor`: the one key that may spend it, or null. */
export type MadeInvite = Readonly<{ code: string; name: string; expires: number; onlyFor: string | null }>;

const kept = z.strictObject({
  name: z.string(),
  expires: z.number(),
  bounds: boundsShape.default(unbounded),
  anyKey: z.boolean().default(false),
  share: z.enum(['alone', 'standby', 'spread']).default('alone'),
  /** The key beside which it puts another one; null where it gives the name itself. */
  beside: z.string().nullable().default(null),
});

/**
 * Makes an invitation for a name that nobody owns. Several may stand for one name; the first redeemed wins. One for a name that
 * was released can be spent by its last owner only, for 90 days: whoever still trusts the name must not come to somebody else.
 * Errors: `name-malformed`, `name-reserved`, `name-taken` (or its ports are), `relay-blocked`, `usage-wrong` (the address), `store-unavailable`.
 */
export async function createInvite(store: Store, options: InviteOptions): Promise<MadeInvite> {
  const { now, domain, bounds = unbounded, anyKey = false, share = 'alone' } = options;
  const label = labelOf(options.name, domain);
  const why = options.reserved === true ? null : reservedFor(label);
  if (why !== null)
    throw new SallyportError('name-reserved', `The name ${label} is reserved: ${why}.`, {
      hint: 'Choose another name; if this one is meant, say --reserved.',
    });
  const owned = await readName(store, label);
  const beside = besideWhom(owned, options);
  if (await isBlocked(store, label))
    throw new SallyportError('relay-blocked', `The name ${label} is blocked.`, {
      hint: 'sallyport relay blocks says why; sallyport relay unblock ends it.',
    });
  if (beside === null) refuseOverlap(await listWide(store), label, bounds, { now, fingerprint: owned?.grant?.owner ?? null, anyKey });
  const secret = Buffer.from(options.randomBytes(16)).toString('base64url');
  const expires = now + options.lifeMs;
  const record = { name: label, expires, bounds: boundsJson(bounds), anyKey, ...(share === 'alone' ? {} : { share, beside }) };
  await store.records.put(keyOfInvite(secret), record, { ifVersion: 0, ttlMs: options.lifeMs });
  const name = `${label}.${domain}`;
  const code = formatInvite({ relayAddress: options.relayAddress, fingerprint: options.fingerprint, name, secret });
  return { code, name, expires, onlyFor: beside !== null || anyKey || isFree(owned, now) ? null : (owned?.grant?.owner ?? null) };
}

/** The owner beside whom an invitation to a shared name puts another key; null where nobody owns it now. */
function besideWhom(owned: OwnedName | null, { now, share = 'alone', bounds = unbounded, anyKey = false }: InviteOptions): string | null {
  if (owned === null || (owned.grant !== null && endedAt(owned.grant, now) !== null)) return null;
  if (owned.grant === null || share === 'alone')
    throw new SallyportError('name-taken', `The name ${owned.name} belongs to a gateway already.`, {
      hint: 'Choose another name, let a second gateway stand by with --standby, or release it: sallyport relay names release NAME',
    });
  if (anyKey || Object.values(bounds).some((bound) => bound !== null))
    throw new SallyportError('usage-wrong', `Whoever shares ${owned.name} shares its bounds: they cannot be given twice.`, {
      hint: 'Leave all options but --standby, --spread, --for and --address away.',
    });
  return owned.grant.owner;
}

/** `wide`: the grants that others could meet, where they are known without a look into the store. */
export type Redemption = Readonly<{ secret: string; fingerprint: string; now: number; wide?: () => readonly OwnedName[] }>;

/**
 * Gives the invited name to this key. The invitation is taken by compare-and-delete: of two that come at
 * once, one gets it. Returns the name's label. Errors: `invite-refused`, `name-taken`, `store-unavailable`.
 */
export async function redeemInvite(store: Store, redemption: Redemption): Promise<string> {
  const { fingerprint, now } = redemption;
  if (!fingerprintForm.test(fingerprint)) throw refused();
  const key = keyOfInvite(redemption.secret);
  const entry = await store.records.get(key);
  const invite = kept.safeParse(entry?.value ?? null).data;
  if (entry === null || invite === undefined || invite.expires <= now || (await isBlocked(store, invite.name))) throw refused();
  const { name: label, bounds, anyKey, share, beside } = invite;
  if (beside !== null) {
    if (!(await deleteOnce(store, key, entry.version))) throw refused();
    if (!(await joinName(store, label, { fingerprint, owner: beside, share, now }))) throw taken();
    return label;
  }
  const owned = await readName(store, label);
  const grant = owned?.grant ?? null;
  const letGo = grant !== null && endedAt(grant, now) !== null;
  if (grant?.owner !== fingerprint && !isFree(owned, now) && !(anyKey && letGo)) throw taken();
  refuseOverlap(redemption.wide?.() ?? (await listWide(store)), label, bounds, { now, fingerprint, anyKey });
  if (!(await deleteOnce(store, key, entry.version))) throw refused();
  if (!(await takeName(store, label, { fingerprint, bounds, now, anyKey, share }))) throw taken();
  return label;
}

/** What two keys were granted neither has: so nothing is granted twice. */
function refuseOverlap(
  all: readonly OwnedName[],
  label: string,
  bounds: Bounds,
  { now, fingerprint, anyKey }: Readonly<{ now: number; fingerprint: string | null; anyKey: boolean }>,
): void {
  const beside = besides(bounds);
  for (const { name, grant } of all) {
    if (grant === null || name === label || grant.owner === fingerprint) continue;
    if (isFree({ name, grant }, now) || (anyKey && endedAt(grant, now) !== null)) continue;
    if (portsOverlap(grant.bounds.ports, bounds.ports)) throw overlaps('Ports of this range belong', name);
    const theirs = besides(grant.bounds);
    if (theirs.some((each) => overlap(each, label) || beside.some((own) => overlap(each, own))))
      throw overlaps('Names of this grant belong', name);
  }
}

/** Patterns of labels beside the granted one. */
function besides({ names }: Bounds): readonly string[] {
  return (names ?? []).filter((pattern) => !pattern.includes('.'));
}

function overlaps(what: string, name: string): SallyportError {
  return new SallyportError('name-taken', `${what} to the grant of ${name} already.`, {
    hint: 'See who owns what: sallyport relay names list',
  });
}

async function deleteOnce(store: Store, key: string, version: number): Promise<boolean> {
  try {
    return await store.records.delete(key, { ifVersion: version });
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'record-conflicted') return false;
    throw error;
  }
}

/** Only the hash is kept: who reads the store cannot join with it. Equal time for all, as nothing is compared. */
function keyOfInvite(secret: string): string {
  return `invites/${createHash('sha256').update(secret).digest('hex')}`;
}

/** One label: a name below a name would belong to two. */
function labelOf(name: string, domain: string): string {
  const lower = name.toLowerCase();
  const label = lower.endsWith(`.${domain}`) ? lower.slice(0, -domain.length - 1) : lower;
  if (keyOfName(label) === null || canonicalHost(`${label}.${domain}`) !== `${label}.${domain}`)
    throw new SallyportError('name-malformed', 'A name is one label of letters, digits and hyphens.', {
      hint: 'Choose one such as blog or my-app.',
    });
  return label;
}

function refused(): SallyportError {
  return new SallyportError('invite-refused', 'The relay does not take this invitation.', {
    hint: 'It may have been used or have expired: ask the relay’s operator for a new one.',
  });
}

function taken(): SallyportError {
  return new SallyportError('name-taken', 'The name of this invitation belongs to another gateway by now.', {
    hint: 'Ask the relay’s operator for another name.',
  });
}
