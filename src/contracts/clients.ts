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
  /** Subjects that are this client: `key:partner`, `user:ana`. */
  members: readonly string[];
  state: 'active' | 'suspended';
  /** Why it is suspended, for its owner as well; null for no reason given. */
  why: string | null;
  limits: ClientLimits;
  accepted: Acceptance | null;
  createdAt: number;
}>;

/** All clients, mirrored in memory from the store so that a look is synchronous. */
export interface Clients {
  /** The client that somebody is, by their subject; null for everybody else. */
  of(subject: string): Client | null;
  byName(name: string): Client | null;
  list(): readonly Client[];
}
