/** Clients of a proxy: third parties who were let in under terms, with limits of their own. Found by who was identified. */

/** What one client may use; null for what holds for everybody. */
export type ClientLimits = Readonly<{
  requestsPerSecond: number | null;
  /** Exchanges at once, tunnels among them. */
  connections: number | null;
  /** Tunnels at once. */
  tunnels: number | null;
  /** Both ways together, as are the next two. */
  bytesPerSecond: number | null;
  /** In a calendar day and a calendar month of the zone of the configuration. */
  bytesPerDay: number | null;
  bytesPerMonth: number | null;
  /** A tunnel without a byte, and all of one. */
  tunnelIdleMs: number | null;
  tunnelLifeMs: number | null;
  /** Of a bandwidth that is shared: 2 gets twice what 1 gets. */
  weight: number;
}>;

/** What its owner accepted: `hash` is the SHA-256 of the text, in hex; `by` the subject that did. */
export type Acceptance = Readonly<{ version: string; hash: string; at: number; by: string }>;

export type Client = Readonly<{
  name: string;
  /** Whom to write to. */
  contact: string;
  /** Who is this client: `key:partner`, `user:ana`, `certificate:ana` (whoever has one of that name), `fingerprint:9f86…` (that one). */
  members: readonly string[];
  state: 'active' | 'suspended';
  /** Why it is suspended, for its owner as well; null for no reason given. */
  why: string | null;
  limits: ClientLimits;
  accepted: Acceptance | null;
  createdAt: number;
}>;

/** What was used of the quotas of bytes, and when each begins anew, in milliseconds since 1970. */
export type Used = Readonly<{ dayBytes: number; monthBytes: number; dayEnds: number; monthEnds: number }>;

/** A request that was refused, as its owner is told of it. */
export type RefusedRequest = Readonly<{ at: number; destination: string; code: string }>;

/**
 * What was measured in the last thirty days: shares from 0 to 1, of errors those of our own making; what 95 of 100 connections
 * took at most; the last refusals, the newest first. Null where nothing was measured.
 */
export type Measured = Readonly<{
  uptime: number | null;
  connectMs: number | null;
  errors: number | null;
  refused: readonly RefusedRequest[];
}>;

/** What was found out of who asks: see Identity. */
export type Shown = Readonly<{ subject: string; certificate?: string }>;

/** All clients, mirrored in memory from the store so that a look is synchronous. */
export interface Clients {
  /** The client that somebody is; null for everybody else. */
  of(who: Shown | null): Client | null;
  byName(name: string): Client | null;
  list(): readonly Client[];
  /** The zone in which days and months begin, as the newest configuration has it. */
  keepDaysOf(zone: string): void;
  /** What a client has used of its quotas up to now. */
  used(name: string): Used;
  /** Counts bytes against its quotas; written to the store some seconds later. Never throws, never waits. */
  spend(name: string, bytes: number): void;
  /** A connection to `destination` was made for it after so long. */
  connected(name: string, destination: string, ms: number): void;
  measured(name: string): Promise<Measured>;
  /** Errors: `client-missing`, `record-conflicted`, `store-unavailable`. */
  accept(name: string, acceptance: Acceptance): Promise<unknown>;
  /** A new text for a key, shown once; the one before is good for `overlapMs` more. Errors: `key-missing`, `record-conflicted`, `store-unavailable`. */
  rotate(key: string, overlapMs: number): Promise<string>;
}
