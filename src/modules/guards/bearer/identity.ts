/** From the claims of a token to who somebody is. */

import { hash } from 'node:crypto';
import type { Claims } from '../../../contracts/issuers.ts';
import type { Identity } from '../../../core/policy/exchange.ts';

export type Who = Pick<Identity, 'subject' | 'name' | 'roles'>;

/** As many roles as one token may give, each of visible ASCII. */
const rolesMax = 200;

/** What all subjects of an issuer begin with: two issuers may each have an `ana`. */
export function subjectsOf(issuer: string): string {
  return `bearer:${hash('sha256', issuer, 'hex').slice(0, 8)}:`;
}

/** Null without a `sub` that can stand in a log: it is the only claim that stays a person's (RFC 9068, 5). */
export function whoOf(claims: Claims, subjects: string, rolesClaim: string | undefined): Who | null {
  const sub = claims['sub'] ?? claims['client_id'];
  if (typeof sub !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(sub)) return null;
  return { subject: `${subjects}${sub}`, name: sub.slice(0, 64), roles: rolesClaim === undefined ? [] : texts(at(claims, rolesClaim)) };
}

/** Whether a token has all scopes: a text with blanks between (RFC 8693, 4.2), or a list as some issuers write. */
export function hasScopes(claims: Claims, scopes: readonly string[]): boolean {
  const had = new Set(texts(claims['scope'] ?? claims['scp']));
  return scopes.every((scope) => had.has(scope));
}

function at(claims: Claims, path: string): unknown {
  // A name with a point in it stands before a path of the same spelling: https://example.org/roles.
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, name)?.value;
  }
  return value;
}

function texts(value: unknown): readonly string[] {
  const list: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  const found = list.filter((each): each is string => typeof each === 'string' && /^[\x21-\x7e]{1,128}$/.test(each));
  return [...new Set(found)].slice(0, rolesMax);
}
