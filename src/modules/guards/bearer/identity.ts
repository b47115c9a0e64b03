/** From the claims of a token to who somebody is. */

import { hash } from 'node:crypto';
import type { Claims } from '../../../contracts/issuers.ts';
import { claimAt, claimTexts } from '../../../core/policy/claims.ts';
import type { Identity } from '../../../core/policy/exchange.ts';

export type Who = Pick<Identity, 'subject' | 'name' | 'roles'>;

/** What all subjects of an issuer begin with: two issuers may each have an `ana`. */
export function subjectsOf(issuer: string): string {
  return `bearer:${hash('sha256', issuer, 'hex').slice(0, 8)}:`;
}

/**
 * Null where the token names nobody that can stand in a log. A program that acts for itself may have no `sub`: it is named
 * by `client_id`, and apart from people, for who may choose the name of a client could choose a person's (RFC 9068, 5).
 */
export function whoOf(claims: Claims, subjects: string, rolesClaim: string | undefined): Who | null {
  const { sub, client_id: client } = claims;
  const name = sub === undefined ? client : sub;
  if (typeof name !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(name)) return null;
  const roles = rolesClaim === undefined ? [] : claimTexts(claimAt(claims, rolesClaim));
  return { subject: `${sub === undefined ? clientsOf(subjects) : subjects}${name}`, name: name.slice(0, 64), roles };
}

/** What the subjects of programs begin with, for those of people. */
export function clientsOf(subjects: string): string {
  return subjects.replace('bearer:', 'bearer-client:');
}

/** Claims of an ID token (OpenID Connect Core 1.0, 3.1.3.6 and 3.3.2.11) and of a logout token, which are no access tokens whatever they are for. */
export function isOtherToken(claims: Claims): boolean {
  return ['at_hash', 'c_hash', 'events'].some((name) => Object.hasOwn(claims, name));
}

/** Whether a token has all scopes: a text with blanks between (RFC 8693, 4.2), or a list as some issuers write. */
export function hasScopes(claims: Claims, scopes: readonly string[]): boolean {
  const had = new Set(claimTexts(claims['scope'] ?? claims['scp']));
  return scopes.every((scope) => had.has(scope));
}
