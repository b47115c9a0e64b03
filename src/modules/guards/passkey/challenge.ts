/** A challenge that an authenticator is to sign: kept in the browser that asked for it, sealed, so that strangers fill no memory of ours. */

import { z } from 'zod';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { originOf } from '../../../core/policy/origin.ts';
import { cookieValues } from '../../../core/policy/session-cookie.ts';

/** `__Host-`: no sibling can plant it; what is ours by its name never reaches a service. */
const challengeCookie = '__Host-sallyport-passkey';

/** Browsers take 4,096 characters of name, value and attributes (RFC 6265, 6.1). */
const cookieCharsMax = 3_800;

const challenge = z.strictObject({
  /** It is answered at the place where it was asked for. */
  place: z.string(),
  /** `use` to sign in, `make` to make a new one: an answer to one is none to the other. */
  for: z.enum(['use', 'make']),
  /** 32 random bytes, base64url. */
  text: z.string(),
  /** Where somebody wanted to go; the secret of the invitation, where one is to be made. */
  note: z.string(),
  /** The number of the user, where one is to be made. */
  handle: z.string(),
  exp: z.number(),
});

export type Challenge = Omit<z.output<typeof challenge>, 'exp' | 'place'>;

export type Sealer = Readonly<{ key: Uint8Array; service: string; now: number; lifeMs: number }>;

const algorithms = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };

/** The `Set-Cookie` of a challenge; null when it would be too long for a browser. */
export async function sealed(exchange: Exchange, asked: Challenge, sealer: Sealer): Promise<readonly [string, string] | null> {
  const { key, now, lifeMs } = sealer;
  const { EncryptJWT } = await import('jose');
  const text = await new EncryptJWT({ ...asked, place: placeOf(exchange, sealer) })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(Math.floor((now + lifeMs) / 1000))
    .encrypt(key);
  return text.length > cookieCharsMax ? null : field(text, Math.floor(lifeMs / 1000));
}

/** Makes the browser forget it. */
export const endChallengeCookie: readonly [string, string] = field('', 0);

/** Null when there is none of that kind, more than one, an old one, or one that we have not made. */
export async function opened(exchange: Exchange, kind: Challenge['for'], sealer: Sealer): Promise<Challenge | null> {
  const [text, ...others] = exchange.http === null ? [] : cookieValues(exchange.http.fields, challengeCookie);
  if (text === undefined || others.length > 0 || text.length > cookieCharsMax) return null;
  const { jwtDecrypt } = await import('jose');
  try {
    const { payload } = await jwtDecrypt(text, sealer.key, {
      ...algorithms,
      currentDate: new Date(sealer.now),
      requiredClaims: ['exp'],
    });
    const { exp: _exp, place, ...asked } = challenge.parse(payload);
    return place === placeOf(exchange, sealer) && asked.for === kind ? asked : null;
  } catch {
    return null;
  }
}

function placeOf(exchange: Exchange, { service }: Sealer): string {
  return JSON.stringify([service, originOf(exchange)]);
}

/** Strict: every page that leads to its answer is our own. */
function field(value: string, seconds: number): readonly [string, string] {
  return ['Set-Cookie', `${challengeCookie}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${seconds}`];
}
