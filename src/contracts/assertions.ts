/** Signed words about a visitor, for services that verify what they are told. */

import type { Json } from './store.ts';

export interface Assertions {
  /** A JWT (RFC 7519) by ES256, with these claims and the `kid` of the key. */
  sign(claims: Readonly<Record<string, Json>>): string;
  /** The public key as a JWK Set (RFC 7517). */
  readonly jwks: Json;
}
