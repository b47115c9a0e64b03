/** Doors for addresses, over the store: found in memory, and only as long as the credential stands that opened them. */

import { z } from 'zod';
import type { AddressDoor, AddressDoors, Opening } from '../../contracts/address-doors.ts';
import type { Keys } from '../../contracts/keys.ts';
import type { Records } from '../../contracts/store.ts';
import type { Links, Users } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { Mirror } from './mirror.ts';

export type AddressDoorTools = Readonly<{
  records: Records;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  limits: Limits;
  users: Pick<Users, 'find'>;
  links: Pick<Links, 'byId'>;
  keys: Pick<Keys, 'byName'>;
  /** When the session of that public id ends, milliseconds since 1970; null when it has ended. */
  sessionEnds: (id: string) => number | null;
}>;

/** `end`: follows the store no longer. */
export type AddressDoorTable = AddressDoors & Readonly<{ end: () => void }>;

const idBytes = 5;

const record: z.ZodType<AddressDoor> = z.strictObject({
  id: z.string(),
  service: z.string(),
  web: z.string(),
  host: z.string(),
  network: z.string(),
  subject: z.string(),
  name: z.string(),
  guard: z.string(),
  roles: z.array(z.string()),
  session: z.string().nullable(),
  revision: z.number(),
  createdAt: z.number(),
  expires: z.number(),
  cuts: z.boolean(),
});

/** Reads all of them into memory. Rejects with `store-unavailable` when the store is away. */
export async function openAddressDoors(tools: AddressDoorTools): Promise<AddressDoorTable> {
  const { records, now, randomBytes, limits } = tools;
  const places: Places = new Map();
  const listeners = new Set<(id: string) => void>();
  const mirror = await Mirror.open<AddressDoor>({
    records,
    prefix: 'doors/',
    read: (value) => record.safeParse(value).data ?? null,
    changed: (before, after) => {
      move(places, before, after);
      // What expires is told as a deletion too.
      if (before !== null && after === null && (before.cuts || before.expires > now())) for (const each of listeners) each(before.id);
    },
  });
  const stands = (door: AddressDoor): boolean => door.expires > now() && endOf(door, tools) > now();
  const close = (id: string): Promise<boolean> => (mirror.get(id) === null ? Promise.resolve(false) : mirror.delete(id));

  return {
    find: (service, network, admits) => {
      for (const door of places.get(placeOf({ service, network }))?.values() ?? []) {
        if (stands(door) && admits({ subject: door.subject, roles: rolesOf(door, tools) })) return door;
      }
      return null;
    },
    list: () =>
      mirror
        .values()
        .filter(stands)
        .toSorted((one, other) => other.createdAt - one.createdAt),
    open: async (wanted) => {
      const own = mirror.values().filter(({ subject }) => subject === wanted.subject);
      const same = own.find((door) => placeOf(door) === placeOf(wanted) && door.session === wanted.session) ?? null;
      if (same === null) await makeRoom(own, mirror, limits, stands);
      const door = newDoor(wanted, same?.id ?? Buffer.from(randomBytes(idBytes)).toString('hex'), tools);
      await mirror.put(door.id, { ...door }, { ttlMs: Math.max(1, door.expires - now()) });
      return door;
    },
    close,
    closeSubject: async (subject) => {
      const own = mirror.values().filter((door) => door.subject === subject);
      await Promise.all(own.map(({ id }) => close(id)));
      return own.length;
    },
    watch: (ended) => {
      listeners.add(ended);
      return { close: () => void listeners.delete(ended) };
    },
    end: () => mirror.close(),
  };
}

/** Never longer than the credential that opens it. */
function newDoor({ forMs, ...wanted }: Opening, id: string, tools: AddressDoorTools): AddressDoor {
  const now = tools.now();
  const user = wanted.subject.startsWith('user:') ? tools.users.find(wanted.subject.slice('user:'.length)) : null;
  const door = { ...wanted, id, revision: user?.revision ?? 0, createdAt: now, expires: now + forMs };
  const end = endOf(door, tools);
  if (end <= now) throw new SallyportError('credentials-expired', 'Who opens the door has no standing any more.');
  return { ...door, expires: Math.min(door.expires, end) };
}

/** When the credential ends that stands behind a door: 0 where it has ended, Infinity where nobody can say. */
function endOf({ subject, session, revision }: AddressDoor, { users, links, keys, sessionEnds }: AddressDoorTools): number {
  const [kind, name] = splitSubject(subject);
  const until = session === null ? Number.POSITIVE_INFINITY : (sessionEnds(session) ?? 0);
  switch (kind) {
    case 'user': {
      const user = users.find(name);
      return user === null || user.revision !== revision ? 0 : Math.min(until, user.expires ?? Number.POSITIVE_INFINITY);
    }
    case 'link': {
      const link = links.byId(name);
      return link === null ? 0 : Math.min(until, link.expires ?? Number.POSITIVE_INFINITY);
    }
    case 'key': {
      const key = keys.byName(name);
      return key === null ? 0 : Math.min(until, key.expires ?? Number.POSITIVE_INFINITY);
    }
    default:
      return until;
  }
}

function rolesOf({ subject, roles }: AddressDoor, { users, keys }: AddressDoorTools): readonly string[] {
  const [kind, name] = splitSubject(subject);
  if (kind === 'user') return users.find(name)?.roles ?? [];
  return kind === 'key' ? (keys.byName(name)?.roles ?? []) : roles;
}

function splitSubject(subject: string): readonly [string, string] {
  const at = subject.indexOf(':');
  return at === -1 ? ['', subject] : [subject.slice(0, at), subject.slice(at + 1)];
}

function placeOf({ service, network }: Pick<AddressDoor, 'service' | 'network'>): string {
  return `${service} ${network}`;
}

/** By service and network, then by id. */
type Places = Map<string, Map<string, AddressDoor>>;

function move(places: Places, before: AddressDoor | null, after: AddressDoor | null): void {
  if (before !== null) {
    const there = places.get(placeOf(before));
    there?.delete(before.id);
    if (there?.size === 0) places.delete(placeOf(before));
  }
  if (after === null) return;
  const there = places.get(placeOf(after)) ?? new Map<string, AddressDoor>();
  places.set(placeOf(after), there.set(after.id, after));
}

/** First what stands no more; nobody's door is closed for another one. */
async function makeRoom(
  own: readonly AddressDoor[],
  mirror: Mirror<AddressDoor>,
  limits: Limits,
  stands: (door: AddressDoor) => boolean,
): Promise<void> {
  if (own.filter(stands).length >= limits.doorsPerSubjectMax) throw exceeded('of yours');
  if (mirror.size < limits.doorsMax) return;
  for (const door of mirror.values()) if (!stands(door)) await mirror.delete(door.id);
  if (mirror.size >= limits.doorsMax) throw exceeded('here');
}

function exceeded(whose: string): SallyportError {
  return new SallyportError('doors-exceeded', `There are as many open doors ${whose} as there may be.`, {
    hint: 'Close some: sallyport doors list',
  });
}
