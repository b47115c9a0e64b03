/** What a service is told of who asks: fields, and on wish a signed assertion. */

import { z } from 'zod';
import type { Form } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { ownFields } from '../../core/pages/page.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { Memo } from '../../core/policy/memo.ts';
import type { Roles } from '../../core/policy/rules.ts';

/** `headers`: X-Sallyport-User, -Email and -Roles; `assertion`: X-Sallyport-Assertion. */
export type ToldPlan = Readonly<{ headers: boolean; assertion: boolean }>;

const expected = 'headers, assertion, or both: [headers, assertion]';

export function toldSchema() {
  const word = z.enum(['headers', 'assertion'], { error: expected });
  return z
    .union([word, z.array(word).min(1, expected)], { error: expected })
    .transform((said): ToldPlan => ({ headers: [said].flat().includes('headers'), assertion: [said].flat().includes('assertion') }))
    .describe('What the service is told of who asks: X-Sallyport-User, -Email and -Roles, a signed X-Sallyport-Assertion.');
}

/** How long an assertion is good, and how long the same one is handed out: seconds and milliseconds. */
const goodSeconds = 120;
const keptMs = 60_000;

export type Told = Readonly<{
  /** Whole lines of a head, each with its end. Empty for who is nobody. */
  tell: (exchange: Exchange) => string;
  /** Where the key is: public, as it must be for whoever verifies. */
  forms: readonly Form[];
}>;

export function buildTold({ headers, assertion }: ToldPlan, service: string, own: Roles, tools: Tools): Told {
  const signed = new Memo<string>(tools.limits.credentialCacheMax, keptMs);
  const signedFor = (user: string, email: string | null, roles: readonly string[], { host }: Exchange): string => {
    const now = tools.now();
    const key = `${host}\0${user}\0${email ?? ''}\0${roles.join()}`;
    const before = signed.get(key, now);
    if (before !== undefined) return before;
    const at = Math.floor(now / 1000);
    const fresh = tools.assertions.sign({
      iss: `https://${host}`,
      aud: service,
      sub: user,
      ...(email === null ? {} : { email, email_verified: true }),
      roles,
      iat: at,
      nbf: at - 5,
      exp: at + goodSeconds,
    });
    signed.set(key, fresh, now);
    return fresh;
  };
  return {
    tell: (exchange) => {
      const user = exchange.identity === null ? null : userOf(exchange.identity);
      if (exchange.identity === null || user === null) return '';
      const roles = rolesOf(exchange.identity, own);
      const email = emailOf(exchange.identity);
      let text = headers ? `X-Sallyport-User: ${user}\r\n` : '';
      if (headers && email !== null) text += `X-Sallyport-Email: ${email}\r\n`;
      if (headers && roles.length > 0) text += `X-Sallyport-Roles: ${roles.join(',')}\r\n`;
      return assertion ? `${text}X-Sallyport-Assertion: ${signedFor(user, email, roles, exchange)}\r\n` : text;
    },
    forms: assertion ? [keyForm(tools)] : [],
  };
}

function keyForm({ assertions }: Tools): Form {
  const body = `${JSON.stringify(assertions.jwks)}\n`;
  return {
    method: 'GET',
    path: '/.sallyport/jwks.json',
    handle: () => ({ status: 200, fields: ownFields('application/jwk-set+json'), body }),
  };
}

/**
 * A user by their name, everybody else with the kind: `key:ci`, `link:3f9a0c11d2`. What is shown to people (the label of a
 * link) could be the name of a user, and is not told. Null for an address and for anyone.
 */
function userOf({ subject, by }: Identity): string | null {
  if (by === 'nothing' || by === 'address') return null;
  return written(subject.startsWith('user:') ? subject.slice('user:'.length) : subject);
}

/** Only what whoever let them in has verified, and only in a form that has one reading. */
function emailOf({ guard, email, name }: Identity): string | null {
  const text = email ?? (guard === 'email' ? name : '');
  return /^[\x21\x23-\x2b\x2d-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9.-]{1,255}$/.test(text) ? text : null;
}

function rolesOf({ subject, roles }: Identity, own: Roles): readonly string[] {
  const here = subject.startsWith('user:') ? (own.get(subject.slice('user:'.length)) ?? []) : [];
  return [...new Set([...roles, ...here])].map(written).toSorted();
}

/** Printable ASCII without what parts lists; the rest in percent signs, so that nothing begins another line or another role. */
function written(text: string): string {
  return text.replaceAll(/[^!-~]|[%,]/gu, (sign) => encodeURIComponent(sign.isWellFormed() ? sign : '\ufffd').replaceAll(',', '%2C'));
}
