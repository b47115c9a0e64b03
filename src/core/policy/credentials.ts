/** Credentials as fields say them: `Basic` (RFC 7617) read strictly, names of people, our own scheme. */

import type { Fields } from '../http/fields.ts';

/** What `onlyField` says of a field that came again: no text, so that no value can look like it. */
export const twice = Symbol('twice');

/** The value of a field that may come once only; `twice` when it came again; null when it did not come. */
export function onlyField(fields: Fields, lower: string): string | typeof twice | null {
  let found: string | null = null;
  for (const field of fields) {
    if (field.lower !== lower) continue;
    if (found !== null) return twice;
    found = field.value;
  }
  return found;
}

/** What follows the scheme (any case, RFC 9110, 11.1) and one or more spaces; null for another scheme. */
export function credentialsOf(value: string, scheme: string): string | null {
  if (value.length <= scheme.length || value.charCodeAt(scheme.length) !== 0x20) return null;
  if (value.slice(0, scheme.length).toLowerCase() !== scheme) return null;
  let start = scheme.length;
  while (value.charCodeAt(start) === 0x20) start += 1;
  return value.slice(start);
}

/** What every API key begins with, so that scanners for secrets find it and guards know it from others' credentials. */
export const apiKeyPrefix = 'sallyport_';

export type Basic = Readonly<{ user: string; password: string }>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the token of `Basic`: strict base64 with its padding, UTF-8, no control characters
 * (RFC 7617, 2). The first colon parts user and password.
 * @returns null when it has any other form
 */
export function readBasic(token: string): Basic | null {
  const text = base64Text(token);
  const colon = text?.indexOf(':') ?? -1;
  if (text === null || colon === -1) return null;
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) return null;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function base64Text(token: string): string | null {
  if (token.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(token)) return null;
  const binary = atob(token);
  // What atob forgives (bits that the padding should hold as zero) has two spellings: refused.
  if (btoa(binary) !== token) return null;
  try {
    return utf8.decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}

/**
 * A user's name in its one spelling, or null. ASCII only, so that no two names look alike and no
 * letter folds into another (KELVIN SIGN lower-cases to k).
 */
export function userName(text: string): string | null {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(text) ? text.toLowerCase() : null;
}
