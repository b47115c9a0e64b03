/** A login that was begun: kept in the browser that began it, sealed, so that strangers fill no memory of ours. */

import { z } from 'zod';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { cookieValues } from '../../../core/policy/session-cookie.ts';

/** `__Host-`: no sibling can plant it; what is ours by its name never reaches a service. */
const loginCookie = '__Host-sallyport-login';

/** Browsers take 4,096 characters of name, value and attributes (RFC 6265, 6.1). */
const cookieCharsMax = 3_800;

const begun = z.strictObject({
  /** The login is finished at the place where it was begun, and nowhere else. */
  place: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  to: z.string(),
  exp: z.number(),
});

export type Begun = Omit<z.output<typeof begun>, 'exp'>;

const algorithms = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };

/** The `Set-Cookie` of a login that lives for `lifeMs`; null when it would be too long for a browser. */
export async function sealed(login: Begun, key: Uint8Array, now: number, lifeMs: number): Promise<readonly [string, string] | null> {
  const { EncryptJWT } = await import('jose');
  const text = await new EncryptJWT({ ...login })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(Math.floor((now + lifeMs) / 1000))
    .encrypt(key);
  if (text.length > cookieCharsMax) return null;
  const seconds = Math.floor(lifeMs / 1000);
  return ['Set-Cookie', `${loginCookie}=${text}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`];
}

/** Makes the browser forget it. */
export const endLoginCookie: readonly [string, string] = [
  'Set-Cookie',
  `${loginCookie}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`,
];

/** Null when there is none, more than one, an old one, or one that we have not made. */
export async function opened(exchange: Exchange, key: Uint8Array, now: number): Promise<Begun | null> {
  const [text, ...others] = exchange.http === null ? [] : cookieValues(exchange.http.fields, loginCookie);
  if (text === undefined || others.length > 0 || text.length > cookieCharsMax) return null;
  const { jwtDecrypt } = await import('jose');
  try {
    const { payload } = await jwtDecrypt(text, key, { ...algorithms, currentDate: new Date(now), requiredClaims: ['exp'] });
    const { exp: _exp, ...login } = begun.parse(payload);
    return login;
  } catch {
    return null;
  }
}
