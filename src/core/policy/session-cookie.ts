/** The cookies that we set, the session's and the device's: how they are read, written and ended. */

import { withoutBlanks } from '../blanks.ts';
import type { Fields } from '../http/fields.ts';
import type { Exchange } from './exchange.ts';

/** `__Host-`: a browser takes it over TLS only, for this very host, with no Domain (RFC 6265bis, 4.1.3.2). */
export const sessionCookie = '__Host-sallyport-session';

/** Says that somebody signed in with this browser before. It opens nothing. */
export const deviceCookie = '__Host-sallyport-device';

/** A nonce of 128 bits and an HMAC of 256, both in base64url. */
const deviceMark = /^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/;

/** 256 bits in base64url. */
const token = /^[A-Za-z0-9_-]{43}$/;

export type CookieFound =
  | Readonly<{ is: 'none' }>
  | Readonly<{ is: 'one'; token: string }>
  | Readonly<{ is: 'malformed' }>
  | Readonly<{ is: 'twice' }>;

const none: CookieFound = { is: 'none' };

/**
 * Our cookie in a request over HTTPS; over plain HTTP it is never looked at.
 * Two of our name are no session at all: one of them was planted (cookie tossing).
 */
export function readSessionCookie(exchange: Exchange): CookieFound {
  if (exchange.http === null || exchange.listener.scheme !== 'https') return none;
  const values = cookieValues(exchange.http.fields, sessionCookie);
  const [value, ...rest] = values;
  if (value === undefined) return none;
  if (rest.length > 0) return { is: 'twice' };
  return token.test(value) ? { is: 'one', token: value } : { is: 'malformed' };
}

/** The mark of the browser; null where there is none of that form, or more than one: then it is not known. */
export function readDeviceCookie(exchange: Exchange): string | null {
  if (exchange.http === null || exchange.listener.scheme !== 'https') return null;
  const [value, ...rest] = cookieValues(exchange.http.fields, deviceCookie);
  return value !== undefined && rest.length === 0 && deviceMark.test(value) ? value : null;
}

/** The values of a cookie of that name, one for each time that it was sent. */
export function cookieValues(fields: Fields, name: string): readonly string[] {
  const values: string[] = [];
  for (const field of fields) {
    if (field.lower !== 'cookie' || !field.value.includes(name)) continue;
    for (const pair of field.value.split(';')) {
      const at = pair.indexOf('=');
      if (at !== -1 && withoutBlanks(pair.slice(0, at)) === name) values.push(withoutBlanks(pair.slice(at + 1)));
    }
  }
  return values;
}

/** `Set-Cookie` for a new session. */
export function writeSessionCookie(sessionToken: string, maxAgeSeconds: number): readonly [string, string] {
  return ['Set-Cookie', `${sessionCookie}=${sessionToken}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}`];
}

/** `Set-Cookie` for a browser that somebody has just signed in with. */
export function writeDeviceCookie(mark: string, maxAgeSeconds: number): readonly [string, string] {
  return ['Set-Cookie', `${deviceCookie}=${mark}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}`];
}

/** `Set-Cookie` that makes the browser forget it. */
export function endSessionCookie(): readonly [string, string] {
  return ['Set-Cookie', `${sessionCookie}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`];
}
