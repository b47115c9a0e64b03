/** Whom the claims of an account are, and whether they may come in. */

import { hash } from 'node:crypto';
import type { Claims } from '../../../contracts/issuers.ts';
import { claimAt, claimTexts } from '../../../core/policy/claims.ts';
import type { Identity } from '../../../core/policy/exchange.ts';
import type { OidcOptions } from './options.ts';

export type Admission =
  | Readonly<{ is: 'admitted'; who: Pick<Identity, 'subject' | 'name' | 'roles' | 'email'> }>
  | Readonly<{ is: 'refused'; why: string }>;

/** What all subjects of a provider begin with: two of them may each have a `1234`. */
export function subjectsOf(issuer: string): string {
  return `oidc:${hash('sha256', issuer, 'hex').slice(0, 8)}:`;
}

/** The subject of an account: `sub` is the only claim that stays a person's (OpenID Connect Core 1.0, 5.7). */
export function subjectOf(issuer: string, sub: unknown): string | null {
  return typeof sub === 'string' && /^[\x21-\x7e]{1,255}$/.test(sub) ? `${subjectsOf(issuer)}${sub}` : null;
}

/**
 * A number for the rules of a configuration, kept in each session: when they change, whoever came in by the old
 * ones has to show their account again.
 */
export function rulesRevision(options: OidcOptions): number {
  return Number.parseInt(hash('sha256', JSON.stringify(options), 'hex').slice(0, 12), 16);
}

export function admit(claims: Claims, options: OidcOptions): Admission {
  const subject = subjectOf(options.issuer, claims['sub']);
  if (subject === null) return { is: 'refused', why: 'the account has no sub' };
  const email = verifiedEmail(claims);
  if (!isListed(claims, email, options)) return { is: 'refused', why: 'the account is in no list of this service' };
  const roles = options.roles === undefined ? [] : claimTexts(claimAt(claims, options.roles));
  return { is: 'admitted', who: { subject, name: email ?? shownName(claims), roles, ...(email === null ? {} : { email }) } };
}

/** Whether a rule needs a claim that is not there; the provider may tell it elsewhere. */
export function lacksClaims(claims: Claims, { emails, domains, groups, claim, roles }: OidcOptions): boolean {
  const mail = (emails ?? domains) !== undefined && claims['email'] === undefined;
  const group = groups !== undefined && claimAt(claims, claim) === undefined;
  return mail || group || (roles !== undefined && claimAt(claims, roles) === undefined);
}

/**
 * The claims of the signed ID token, and what it does not say from the provider's answer about the account. An address
 * and whether it was verified are one statement: a "verified" of one source says nothing of an address of the other.
 */
export function joinedClaims(signed: Claims, told: Claims): Claims {
  const { email, email_verified: verified, ...others } = signed;
  const mail = email === undefined ? { email: told['email'], email_verified: told['email_verified'] } : { email, email_verified: verified };
  return { ...told, ...others, ...mail };
}

function isListed(claims: Claims, email: string | null, { emails, domains, groups, everyone, claim }: OidcOptions): boolean {
  if (everyone === true) return true;
  if (email !== null && emails?.includes(email) === true) return true;
  if (email !== null && domains?.includes(email.slice(email.indexOf('@') + 1)) === true) return true;
  const own = groups === undefined ? [] : claimTexts(claimAt(claims, claim));
  return groups?.some((group) => own.includes(group)) === true;
}

/**
 * An address in small letters, of ASCII with one @: `ana@evil.example@example.org` has two readings. Only `true` is
 * verified; a text "true" is no yes, and an address that nobody has checked is anybody's.
 */
function verifiedEmail(claims: Claims): string | null {
  const { email, email_verified: verified } = claims;
  if (verified !== true || typeof email !== 'string') return null;
  return /^[\x21\x23-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9.-]{1,255}$/.test(email) ? email.toLowerCase() : null;
}

/** For people's eyes alone: anybody may call themselves anything. */
function shownName(claims: Claims): string {
  const { preferred_username: name, sub } = claims;
  for (const text of [name, sub]) if (typeof text === 'string' && /^[\x21-\x7e]{1,64}$/.test(text)) return text;
  return 'somebody';
}
