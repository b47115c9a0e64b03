/** Short codes of services, each known to whoever was told it. */

export type Pin = Readonly<{
  service: string;
  /** PHC string, argon2id. */
  hash: string;
  /** Another with each code: ends the sessions of the one before. */
  revision: number;
  createdAt: number;
}>;

/** Mirrored in memory from the store, so that a look is synchronous. */
export interface Pins {
  find(service: string): Pin | null;
}
