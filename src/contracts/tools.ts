/** What modules are handed: time, chance, memory and the people. Nothing is reached for; no test waits. */

import type { Network } from '../core/address.ts';
import type { SallyportError } from '../core/errors.ts';
import type { AddressDoors } from './address-doors.ts';
import type { ClientCertificates } from './client-certificates.ts';
import type { Clients } from './clients.ts';
import type { Keys } from './keys.ts';
import type { Logins } from './logins.ts';
import type { Limits } from '../core/limits.ts';
import type { Assertions } from './assertions.ts';
import type { Issuers } from './issuers.ts';
import type { Mail } from './mail.ts';
import type { Outgoing } from './outgoing.ts';
import type { Pins } from './pins.ts';
import type { Store } from './store.ts';

export type Tools = Readonly<{
  /** Milliseconds since 1970. */
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  store: Store;
  users: Users;
  sessions: Sessions;
  links: Links;
  keys: Keys;
  pins: Pins;
  /** Clients of proxies; left out where nobody is led out. */
  clients?: Clients;
  doors: AddressDoors;
  /** Left out where nobody comes by TLS. */
  certificates?: ClientCertificates;
  passwords: Passwords;
  /** Of the login page: guesses slowed down, factors, and what a login has shown so far. */
  logins: Logins;
  limits: Limits;
  /** Secrets by name, for what the configuration only names (a webhook's): read from the store, never from the file. */
  secret: (name: string) => Uint8Array | null;
  /** Where we listen ourselves at this moment: no visitor of a proxy is led there. Left out where nobody is led out. */
  listening?: () => readonly Readonly<{ host: string; port: number }>[];
  /** What is asked of others. */
  outgoing: Outgoing;
  /** Something that its owner must know, and that is nobody's refusal: a file that cannot be read again. Left out: nobody is told. */
  trouble?: (error: SallyportError) => void;
  /** What sends mail; null or left out where the configuration does not say how. */
  mail?: Mail | null;
  /** Signs what services are told of who asks. */
  assertions: Assertions;
  issuers: Issuers;
}>;

export type User = Readonly<{
  name: string;
  /** PHC string, argon2id. */
  hash: string;
  roles: readonly string[];
  /** Grows when the password changes: ends sessions and cached checks of the old one. */
  revision: number;
  createdAt: number;
  /** Milliseconds since 1970; left out for never. */
  expires?: number;
  /** When they may come in, as `readHours` takes it; left out for always. */
  hours?: string;
}>;

/** People, mirrored in memory from the store so that a look is synchronous. */
export interface Users {
  find(name: string): User | null;
  list(): readonly User[];
}

/** Hashing, two at a time in a bounded queue. `busy` when the queue is full: answered 429, never waited for. */
export interface Passwords {
  /**
   * With `hash` null (an unknown user) the same work is done and the answer is false. Those who are `known` (a browser that
   * they signed in with before) have a queue of their own, which goes first: a flood of strangers does not keep them out.
   */
  verify(password: string, hash: string | null, known?: boolean): Promise<boolean | 'busy'>;
}

export type Session = Readonly<{
  /** Public id for lists and logs. */
  id: string;
  service: string;
  /** The host that it was opened at, canonical: it opens nothing at another one, though that may lead to the same service. */
  audience: string;
  /** Which opened it: of several factors the first. */
  guard: string;
  /** All factors that were shown for it, where there was more than one. */
  shown?: readonly string[];
  subject: string;
  name: string;
  roles: readonly string[];
  /** An e-mail address that the guard has verified; left out where there is none. */
  email?: string;
  /** The user's when it was opened, 0 where no user stands behind it: a new password ends it. */
  revision: number;
  createdAt: number;
  expires: number;
}>;

/** Sessions are found by the SHA-256 of their token; the token itself is kept nowhere. */
export interface Sessions {
  /**
   * Synchronous: null when unknown, expired, revoked, unused for too long, of another service or opened at another host.
   * Looking is using: it is remembered when that was, and from which address.
   */
  find(token: string, service: string, audience: string, from: string): Session | null;
  open(
    session: Omit<Session, 'id' | 'createdAt'> & { readonly source: string },
  ): Promise<{ readonly token: string; readonly session: Session }>;
  revoke(id: string): Promise<boolean>;
  /** Ends all sessions of a subject; returns how many. */
  revokeSubject(subject: string): Promise<number>;
}

export type Link = Readonly<{
  id: string;
  service: string;
  createdAt: number;
  /** Milliseconds since 1970, or null for never. */
  expires: number | null;
  label: string | null;
  /** How often it may be opened, and how often still. Left out: as often as one likes. */
  uses?: Readonly<{ max: number; left: number }>;
  /** It opens this path and what lies below alone; canonical, without a slash at its end. */
  path?: string;
  /** It opens from these networks alone. */
  from?: readonly Network[];
  /** It belongs to the browser that opens it first; `taken` once there was one. */
  browser?: 'free' | 'taken';
}>;

export interface Links {
  /** Synchronous: null when unknown, expired, revoked, or of another service. One that is used up is found: its sessions stand. */
  find(secret: string, service: string): Link | null;
  byId(id: string): Link | null;
  list(): readonly Link[];
  /**
   * Opens a link once, for a browser that showed `mark` as its own, or nothing. Atomic over all processes of the store.
   * @returns null when it is used up, gone or another browser's; else the mark that a browser keeps which is its first, null for others
   * Errors: `credentials-throttled` when too many wait, `store-unavailable`.
   */
  spend(id: string, mark: string | null): Promise<Readonly<{ mark: string | null }> | null>;
  /** Whether the mark is that of the browser to which the link belongs. Synchronous. */
  isOwn(id: string, mark: string): boolean;
}
