/** Invitations at the relay: made once, redeemed once, kept as hashes. */

import { createHash } from 'node:crypto';
import { canonicalHost } from '../../core/http/host.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Json, Store } from '../../contracts/store.ts';
import { formatInvite } from './invite-code.ts';
import { keyOfName, ownerOf, takeName } from './names.ts';

export type InviteOptions = Readonly<{
  /** `blog`, or `blog.example.org` where the domain is example.org. */
  name: string;
  domain: string;
  /** HOST:PORT by which gateways reach this relay. */
  relayAddress: string;
  /** Of the relay's key. */
  fingerprint: string;
  lifeMs: number;
  now: number;
  randomBytes: (count: number) => Uint8Array;
}>;

/** `code` is shown once and kept nowhere. `expires` in milliseconds since 1970. */
export type MadeInvite = Readonly<{ code: string; name: string; expires: number }>;

/**
 * Makes an invitation for a name that nobody owns yet. Several may stand for one name; the first redeemed wins.
 * Errors: `name-malformed`, `name-taken`, `usage-wrong` (the address), `store-unavailable`.
 */
export async function createInvite(store: Store, options: InviteOptions): Promise<MadeInvite> {
  const label = labelOf(options.name, options.domain);
  if ((await ownerOf(store, label)) !== null)
    throw new SallyportError('name-taken', `The name ${label} belongs to a gateway already.`, {
      hint: 'Choose another name, or revoke that gateway first.',
    });
  const secret = Buffer.from(options.randomBytes(16)).toString('base64url');
  const expires = options.now + options.lifeMs;
  await store.records.put(keyOfInvite(secret), { name: label, expires }, { ifVersion: 0, ttlMs: options.lifeMs });
  const name = `${label}.${options.domain}`;
  return { code: formatInvite({ relayAddress: options.relayAddress, fingerprint: options.fingerprint, name, secret }), name, expires };
}

/**
 * Gives the invited name to this key. The invitation is taken by compare-and-delete: of two that come at
 * once, one gets it. Returns the name's label. Errors: `invite-refused`, `name-taken`, `store-unavailable`.
 */
export async function redeemInvite(
  store: Store,
  redemption: Readonly<{ secret: string; fingerprint: string; now: number }>,
): Promise<string> {
  const key = keyOfInvite(redemption.secret);
  const entry = await store.records.get(key);
  const name = entry === null ? null : nameIn(entry.value);
  if (entry === null || name === null || (entry.expires !== null && entry.expires <= redemption.now)) throw refused();
  const owner = await ownerOf(store, name);
  if (owner !== null && owner !== redemption.fingerprint) throw taken();
  if (!(await deleteOnce(store, key, entry.version))) throw refused();
  if (!(await takeName(store, name, redemption.fingerprint, redemption.now))) throw taken();
  return name;
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

function nameIn(value: Json): string | null {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value['name'] : null;
  return typeof name === 'string' ? name : null;
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
