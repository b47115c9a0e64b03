/** The people who may come in: added, changed and removed in the store, found in memory. */

import { z } from 'zod';
import type { Json, Records } from '../../contracts/store.ts';
import type { User, Users } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { userName } from '../../core/policy/credentials.ts';
import { checkedHours } from './checked-hours.ts';
import { Mirror } from './mirror.ts';
import { passwordFault } from './password-rules.ts';
import type { PasswordHasher } from './passwords.ts';

/**
 * Errors: `name-malformed`, `user-taken`, `user-missing`, `password-weak`, `usage-wrong` (a role, a moment that is past), `record-conflicted`,
 * `store-unavailable`.
 * No message holds a password.
 */
export interface UserDirectory extends Users {
  add(name: string, password: string, roles?: readonly string[]): Promise<User>;
  /** What they may everywhere; sessions stay, and what runs by them is judged anew. */
  setRoles(name: string, roles: readonly string[]): Promise<User>;
  /** The moment from which on there is nobody of that name any more, or null for never. */
  setExpiry(name: string, expires: number | null): Promise<User>;
  /** When they may come in (`readHours`), or null for always. */
  setHours(name: string, hours: string | null): Promise<User>;
  /** Ends the user's sessions and what was remembered of the old password. */
  setPassword(name: string, password: string): Promise<User>;
  /** Ends the user's sessions too. False when there was nobody of that name. */
  remove(name: string): Promise<boolean>;
  /** Puts a hash of the same password in the place of an older one. Ends nothing. */
  rehash(old: string, fresh: string): Promise<void>;
  close(): void;
}

export type UserTools = Readonly<{
  records: Records;
  now: () => number;
  limits: Limits;
  passwords: Pick<PasswordHasher, 'hash'>;
  /** Ends all sessions of a subject: `user:ana`. */
  endSessions: (subject: string) => Promise<unknown>;
}>;

/** They stand in each request to a service that is told of them. */
const rolesMax = 32;

const record = z.strictObject({
  name: z.string(),
  hash: z.string(),
  roles: z.array(z.string()),
  revision: z.number(),
  createdAt: z.number(),
  expires: z.number().optional(),
  hours: z.string().optional(),
});

export async function openUsers(tools: UserTools): Promise<UserDirectory> {
  const { records, now, limits, endSessions } = tools;
  const mirror = await Mirror.open<User>({ records, prefix: 'users/', read });
  const { standing, existing, replace, hashed } = bookOf(mirror, tools);

  return {
    find: (text) => {
      const name = userName(text);
      return name === null ? null : standing(name);
    },
    list: () =>
      mirror
        .values()
        .filter((user) => standing(user.name) !== null)
        .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    add: async (text, password, roles = []) => {
      const name = newName(text);
      if (standing(name) !== null) throw taken(name);
      if (mirror.size >= limits.usersMax)
        throw new SallyportError('usage-wrong', `There are ${limits.usersMax} users already, which is the most.`);
      // The time, so that somebody who was removed and comes back revives no session of their predecessor.
      const user: User = { name, hash: await hashed(name, password), roles: checkRoles(roles), revision: now(), createdAt: now() };
      try {
        await mirror.put(name, json(user), { ifVersion: 0 });
      } catch (error) {
        throw error instanceof SallyportError && error.code === 'record-conflicted' ? taken(name) : error;
      }
      return user;
    },
    setPassword: async (text, password) => {
      const before = existing(text);
      const user: User = { ...before, hash: await hashed(before.name, password), revision: Math.max(now(), before.revision + 1) };
      await replace(user);
      await endSessions(`user:${user.name}`);
      return user;
    },
    setRoles: async (text, roles) => replace({ ...existing(text), roles: checkRoles(roles) }),
    setExpiry: async (text, expires) => {
      const { expires: _before, ...user } = existing(text);
      if (expires === null) return replace(user);
      if (expires <= now()) throw new SallyportError('usage-wrong', 'The user would have ended already.');
      return replace({ ...user, expires });
    },
    setHours: async (text, hours) => {
      const { hours: _before, ...user } = existing(text);
      return replace(hours === null ? user : { ...user, hours: checkedHours(hours) });
    },
    remove: async (text) => {
      const name = userName(text);
      const removed = name !== null && (await mirror.delete(name));
      if (name !== null) await endSessions(`user:${name}`);
      return removed;
    },
    rehash: async (old, fresh) => {
      const user = mirror.values().find((each) => each.hash === old);
      if (user !== undefined) await replace({ ...user, hash: fresh });
    },
    close: () => mirror.close(),
  };
}

/** What everything that is done to users begins or ends with. */
function bookOf(mirror: Mirror<User>, { now, limits, passwords }: UserTools) {
  const stands = ({ expires }: User): boolean => expires === undefined || expires > now();
  const standing = (name: string): User | null => {
    const user = mirror.get(name);
    return user !== null && stands(user) ? user : null;
  };
  const replace = async (user: User): Promise<User> => {
    await mirror.replace(user.name, json(user), user.expires === undefined ? {} : { ttlMs: Math.max(1, user.expires - now()) });
    return user;
  };

  const existing = (text: string): User => {
    const name = userName(text);
    const user = name === null ? null : standing(name);
    if (user === null)
      throw new SallyportError('user-missing', `There is no user ${shown(text)}.`, { hint: 'See who there is: sallyport users list' });
    return user;
  };
  const hashed = async (name: string, password: string): Promise<string> => {
    const fault = passwordFault(password, name, limits);
    if (fault !== null)
      throw new SallyportError('password-weak', `This password will not do: ${fault}.`, { hint: 'Four unrelated words make a good one.' });
    return passwords.hash(password);
  };
  return { standing, existing, replace, hashed };
}

/** Each once, in the order in which they were said. */
function checkRoles(roles: readonly string[]): readonly string[] {
  if (roles.length > rolesMax) throw new SallyportError('usage-wrong', `A user has ${rolesMax} roles at most.`);
  const wrong = roles.find((role) => userName(role) !== role);
  if (wrong !== undefined) throw new SallyportError('usage-wrong', `${shown(wrong)} is no role: small letters, digits and . _ -`);
  return [...new Set(roles)];
}

function read(value: Json): User | null {
  const parsed = record.safeParse(value).data;
  if (parsed === undefined) return null;
  const { expires, hours, ...user } = parsed;
  return { ...user, ...(expires === undefined ? {} : { expires }), ...(hours === undefined ? {} : { hours }) };
}

function newName(text: string): string {
  const name = userName(text);
  if (name === null) {
    throw new SallyportError('name-malformed', `${shown(text)} is no name for a user.`, {
      hint: 'Use up to 64 letters, digits and . _ - (a letter, a digit or _ first).',
    });
  }
  return name;
}

function taken(name: string): SallyportError {
  return new SallyportError('user-taken', `There is a user ${name} already.`, {
    hint: `Choose another name, or remove that user first: sallyport users remove ${name}`,
  });
}

/** What was typed, safe to print: no control characters, and not without end. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64)).replace(/[^\u0020-\u007e]/g, '?');
}

function json(user: User): Json {
  return { ...user };
}
