/** API keys: made, shown once, rotated with an overlap, revoked. Only their SHA-256 is kept. */

import { z } from 'zod';
import type { Key, Keys } from '../../contracts/keys.ts';
import type { Json, Records } from '../../contracts/store.ts';
import type { Users } from '../../contracts/tools.ts';
import { parsePrefix } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { userName } from '../../core/policy/credentials.ts';
import { keyDigest, newKey } from './api-key.ts';
import { checkedHours } from './checked-hours.ts';
import { KeyUses, type KeyUse } from './key-uses.ts';
import { Mirror } from './mirror.ts';

export type NewKey = Readonly<{
  name: string;
  owner?: string | null;
  roles?: readonly string[];
  /** Milliseconds since 1970, or null for never. */
  expires?: number | null;
  /** When it opens (`readHours`), or null for always. */
  hours?: string | null;
  /** Networks in text, like `192.0.2.0/24`. */
  allow?: readonly string[];
}>;

/** What is shown once: the text itself. */
export type ShownKey = Readonly<{ key: Key; secret: string }>;

export interface KeyTable extends Keys {
  /** Errors: `name-malformed`, `key-taken`, `user-missing` for its owner, `usage-wrong` (a role, a network, a moment that is past, too many), `store-unavailable`. */
  create(key: NewKey): Promise<ShownKey>;
  /** A new text for the same key; the one before is good for `overlapMs` more. Errors: `key-missing`, `record-conflicted`, `store-unavailable`. */
  rotate(name: string, overlapMs: number): Promise<ShownKey>;
  /** Ends it at once, with the text before a rotation. False when there was none. */
  revoke(name: string): Promise<boolean>;
  lastUse(name: string): KeyUse | null;
  close(): void;
}

export type KeyTools = Readonly<{
  records: Records;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  limits: Limits;
  users: Pick<Users, 'find'>;
}>;

const record = z.strictObject({
  name: z.string(),
  owner: z.string().nullable(),
  roles: z.array(z.string()),
  createdAt: z.number(),
  expires: z.number().nullable(),
  allow: z.array(z.string()),
  hours: z.string().optional(),
  /** SHA-256 of the text that stands, and of the one before with its end. */
  secret: z.string(),
  before: z.strictObject({ secret: z.string(), until: z.number() }).nullable(),
});
type Kept = Readonly<z.infer<typeof record>>;
/** A record whose networks can all be read; another one opens nothing. */
type Held = Readonly<{ kept: Kept; key: Key }>;

export async function openKeys({ records, now, randomBytes, limits, users }: KeyTools): Promise<KeyTable> {
  const byDigest = new Map<string, Held>();
  const mirror = await openMirror(records, byDigest);
  const uses = await KeyUses.open(records, now, limits.keyUseMs);
  const stands = ({ expires, owner }: Key): boolean =>
    (expires === null || expires > now()) && (owner === null || users.find(owner) !== null);
  const put = async (kept: Kept, ifVersion?: 0): Promise<void> => {
    const ttl = kept.expires === null ? {} : { ttlMs: kept.expires - now() };
    if (ifVersion === 0) return mirror.put(kept.name, json(kept), { ifVersion, ...ttl });
    return mirror.replace(kept.name, json(kept), ttl);
  };

  return {
    digest: keyDigest,
    find: (digest) => {
      const held = byDigest.get(digest);
      if (held === undefined || !stands(held.key)) return null;
      const { secret, before } = held.kept;
      return digest === secret || (before !== null && digest === before.secret && before.until > now()) ? held.key : null;
    },
    byName: (name) => {
      const key = mirror.get(name)?.key ?? null;
      return key !== null && stands(key) ? key : null;
    },
    list: () =>
      mirror
        .values()
        .map(({ key }) => key)
        .filter(({ expires }) => expires === null || expires > now())
        .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    used: ({ name }, from) => uses.note(name, from),
    lastUse: (name) => uses.of(name),
    create: async (wanted) => {
      const kept = checked(wanted, now(), users);
      if (mirror.get(kept.name) !== null) throw taken(kept.name);
      if (mirror.size >= limits.keysMax)
        throw new SallyportError('usage-wrong', `There are ${limits.keysMax} keys already, which is the most.`);
      const secret = newKey(randomBytes);
      const whole = { ...kept, secret: keyDigest(secret) ?? '', before: null };
      await put(whole, 0).catch((error: unknown) => {
        throw error instanceof SallyportError && error.code === 'record-conflicted' ? taken(kept.name) : error;
      });
      return shown(whole, secret);
    },
    rotate: async (name, overlapMs) => {
      const held = mirror.get(name);
      if (held === null) throw missing(name);
      const secret = newKey(randomBytes);
      const { kept } = held;
      const before = overlapMs > 0 ? { secret: kept.secret, until: now() + overlapMs } : null;
      const whole = { ...kept, secret: keyDigest(secret) ?? '', before };
      await put(whole);
      return shown(whole, secret);
    },
    revoke: async (name) => {
      const canonical = userName(name);
      const known = canonical !== null && mirror.get(canonical) !== null;
      if (canonical !== null && known) await mirror.delete(canonical);
      if (canonical !== null) await uses.forget(canonical);
      return known;
    },
    close: () => {
      mirror.close();
      uses.close();
    },
  };
}

function openMirror(records: Records, byDigest: Map<string, Held>): Promise<Mirror<Held>> {
  return Mirror.open<Held>({
    records,
    prefix: 'keys/',
    read,
    changed: (before, after) => {
      for (const digest of before === null ? [] : digestsOf(before)) byDigest.delete(digest);
      if (after !== null) for (const digest of digestsOf(after)) byDigest.set(digest, after);
    },
  });
}

/** All of a wish that can be wrong, but for its name being taken. */
function checked(wanted: NewKey, now: number, users: Pick<Users, 'find'>): Omit<Kept, 'secret' | 'before'> {
  const name = userName(wanted.name);
  if (name === null)
    throw new SallyportError('name-malformed', `${JSON.stringify(wanted.name.slice(0, 64))} is no name for a key.`, {
      hint: 'Use up to 64 letters, digits and . _ - (a letter, a digit or _ first).',
    });
  const { owner = null, roles = [], expires = null, allow = [], hours = null } = wanted;
  const person = owner === null ? null : users.find(owner);
  if (owner !== null && person === null)
    throw new SallyportError('user-missing', `There is no user ${owner}.`, { hint: `Add them: sallyport users add ${owner}` });
  const role = roles.find((each) => userName(each) !== each);
  if (role !== undefined) throw new SallyportError('usage-wrong', `${JSON.stringify(role)} is no role: small letters, digits and . _ -`);
  const network = allow.find((each) => parsePrefix(each) === null);
  if (network !== undefined) throw new SallyportError('usage-wrong', `${JSON.stringify(network)} is no address and no network.`);
  if (expires !== null && expires <= now) throw new SallyportError('usage-wrong', 'The key would have ended already.');
  const when = hours === null ? {} : { hours: checkedHours(hours) };
  return { name, owner: person?.name ?? null, roles: [...roles], expires, allow: [...allow], createdAt: now, ...when };
}

function read(value: Json): Held | null {
  const kept = record.safeParse(value).data;
  if (kept === undefined) return null;
  const key = keyOf(kept);
  return key === null ? null : { kept, key };
}

function keyOf({ name, owner, roles, createdAt, expires, allow, hours }: Kept): Key | null {
  const networks = allow.flatMap((text) => parsePrefix(text) ?? []);
  return networks.length === allow.length
    ? { name, owner, roles, createdAt, expires, networks, ...(hours === undefined ? {} : { hours }) }
    : null;
}

function shown(kept: Kept, secret: string): ShownKey {
  return { key: keyOf(kept) ?? unreadable(kept.name), secret };
}

function digestsOf({ kept: { secret, before } }: Held): readonly string[] {
  return before === null ? [secret] : [secret, before.secret];
}

function taken(name: string): SallyportError {
  return new SallyportError('key-taken', `There is a key ${name} already.`, {
    hint: `Give it a new text with: sallyport keys rotate ${name}, or choose another name.`,
  });
}

function missing(name: string): SallyportError {
  return new SallyportError('key-missing', `There is no key ${JSON.stringify(name.slice(0, 64))}.`, {
    hint: 'See what there is: sallyport keys list',
  });
}

function unreadable(name: string): never {
  throw new SallyportError('program-failed', `The key ${name} was written in a form that cannot be read.`);
}

function json({ hours, ...kept }: Kept): Json {
  return hours === undefined ? kept : { ...kept, hours };
}
