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

/** Null without a `sub` that can stand in a log: it is the only claim that stays a person's (RFC 9068, 5). */
export function whoOf(claims: Claims, subjects: string, rolesClaim: string | undefined): Who | null {
  const sub = claims['sub'] ?? claims['client_id'];
  if (typeof sub !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(sub)) return null;
  return {
    subject: `${subjects}${sub}`,
    name: sub.slice(0, 64),
    roles: rolesClaim === undefined ? [] : claimTexts(claimAt(claims, rolesClaim)),
  };
}

/** Whether a token has all scopes: a text with blanks between (RFC 8693, 4.2), or a list as some issuers write. */
export function hasScopes(claims: Claims, scopes: readonly string[]): boolean {
  const had = new Set(claimTexts(claims['scope'] ?? claims['scp']));
  return scopes.every((scope) => had.has(scope));
}
