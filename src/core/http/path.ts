/** Paths: one canonical text for every decision and log, and the truth about whether others could read another. */

import { consistsOf } from './octets.ts';
import type { CanonicalPath } from './head.ts';

const slash = 47;
const dot = 46;
const questionMark = 63;

/**
 * The canonical path of a target in origin form (its query is cut). Never forwarded: what is forwarded are the bytes sent.
 *
 * `text`: unreserved characters, sub-delims, `:` and `@` percent-decoded, other escapes in upper case, dot segments removed
 * (RFC 3986, 6.2.2), `//` kept. `clear` is true when this is the only reading. It is false
 * - with the other `readings` listed (`text` among them), where servers differ in how deep they cut: `//` merged or not,
 *   `%2F` and `\` as slashes, `;x` cut or not, double encoding, dots behind a segment;
 * - with no `readings`, where nothing may be decided by path: dot segments in any reading, NUL and controls,
 *   percent signs without two hex digits, escapes that are no UTF-8 (overlong forms among them).
 *
 * Example: `canonicalPath('/a%62?x')` is `{ text: '/ab', clear: true }`.
 */
export function canonicalPath(raw: string): CanonicalPath {
  let before = 0;
  for (let at = 0; at < raw.length; at += 1) {
    const character = raw.charCodeAt(at);
    if (character === questionMark) return before === dot ? closely(raw) : { text: raw.slice(0, at), clear: true };
    // A slash or a dot right behind a slash, a dot before a slash, and everything that is not plain: look closely.
    if (plain[character] !== 1 || (before === slash && (character === slash || character === dot))) return closely(raw);
    if (before === dot && character === slash) return closely(raw);
    before = character;
  }
  return before === dot ? closely(raw) : { text: raw, clear: true };
}

/**
 * Asks a rule about a path: the answer when all readings agree, null when they do not or cannot be listed:
 * then the rule must refuse. `decidePath(path, (text) => isWithin(text, '/admin'))`.
 */
export function decidePath(path: CanonicalPath, matches: (text: string) => boolean): boolean | null {
  if (path.clear) return matches(path.text);
  const [first, ...others] = path.readings ?? [];
  if (first === undefined) return null;
  const answer = matches(first);
  return others.every((text) => matches(text) === answer) ? answer : null;
}

/** Whether a canonical path is `prefix` (canonical, no slash at its end) or lies below it. */
export function isWithin(text: string, prefix: string): boolean {
  return text.startsWith(prefix) && (text.length === prefix.length || text.charCodeAt(prefix.length) === slash);
}

function closely(raw: string): CanonicalPath {
  const query = raw.indexOf('?');
  const path = query === -1 ? raw : raw.slice(0, query);
  const weak = decoded(path, false);
  if (weak === null) return { text: resolved(path), clear: false, readings: [] };
  const once = decoded(path, true);
  const twice = once === null ? null : decoded(once, true);
  if (once === null || twice === null) return { text: resolved(weak), clear: false, readings: [] };
  const readings = [...new Set([weak, ...[weak, once, twice].flatMap(flattenings)])];
  if (readings.some(hasDotSegment)) return { text: resolved(weak), clear: false, readings: [] };
  return readings.length === 1 ? { text: weak, clear: true } : { text: weak, clear: false, readings };
}

/**
 * Percent-decodes: with `all`, slash, backslash, percent and the like too; escapes beyond ASCII stay, in upper case.
 * Null for what has no agreed meaning.
 */
function decoded(path: string, all: boolean): string | null {
  let text = '';
  let octets: number[] = [];
  for (let at = 0; at < path.length; at += 1) {
    let character = path.charCodeAt(at);
    let escaped = false;
    if (character === 37) {
      const hex = path.slice(at + 1, at + 3);
      if (hex.length !== 2 || !consistsOf(hex, hexDigit)) {
        // A percent sign that an earlier decoding left behind is itself; one that was sent so is malformed.
        if (!all) return null;
      } else {
        character = Number.parseInt(hex, 16);
        escaped = true;
        at += 2;
      }
    }
    if (escaped && character >= 128) {
      octets.push(character);
      text += `%${hexOf(character)}`;
      continue;
    }
    if (!isUtf8(octets)) return null;
    octets = [];
    if (character < 32 || character >= 127) return null;
    const kept = escaped && decodable[character] !== 1 && !(all && dividing[character] === 1);
    text += kept ? `%${hexOf(character)}` : String.fromCharCode(character);
  }
  return isUtf8(octets) ? text : null;
}

/**
 * What servers make of a text: backslashes are slashes or not, parameters are cut or not, empty segments merge or not, dots and
 * spaces behind a segment are cut or not; each with each, for nobody knows who stands behind. Decoded queries always go.
 */
function flattenings(path: string): readonly string[] {
  const query = path.search(/[?#]/);
  const whole = query === -1 ? path : path.slice(0, query);
  const found = new Set([whole]);
  for (const change of changes) {
    for (const text of [...found]) found.add(change(text));
  }
  return [...found];
}

const changes: readonly ((path: string) => string)[] = [
  (path) => path.replaceAll('\\', '/'),
  (path) => path.replaceAll(/;[^/]*/g, ''),
  (path) => path.split('/').map(withoutTail).join('/'),
  merged,
];

function merged(path: string): string {
  return path.replaceAll(/\/\/+/g, '/');
}

/** A segment without the dots and spaces that Windows cuts off. */
function withoutTail(segment: string): string {
  let text = segment;
  if (text === '.' || text === '..') return text;
  for (;;) {
    if (text.endsWith('.')) text = text.slice(0, -1);
    else if (text.endsWith('%20')) text = text.slice(0, -3);
    else return text;
  }
}

function hasDotSegment(path: string): boolean {
  return path.split('/').some((segment) => segment === '.' || segment === '..');
}

/** Removes dot segments (RFC 3986, 5.2.4) and keeps empty ones. */
function resolved(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '..' && segment !== '.') kept.push(segment);
    else if (last) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/** Whether octets beyond ASCII are UTF-8, and in the shortest form (RFC 3629, 3). */
function isUtf8(octets: readonly number[]): boolean {
  for (let at = 0; at < octets.length;) {
    const lead = octets[at] ?? 0;
    const count = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4) return false;
    for (let next = at + 1; next <= at + count; next += 1) {
      const octet = octets[next];
      if (octet === undefined || octet < 0x80 || octet > 0xbf) return false;
    }
    const second = octets[at + 1] ?? 0;
    if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return false;
    if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return false;
    at += count + 1;
  }
  return true;
}

function hexOf(octet: number): string {
  return octet.toString(16).toUpperCase().padStart(2, '0');
}

function only(characters: string): Uint8Array {
  const octets = new Uint8Array(256);
  for (let at = 0; at < characters.length; at += 1) octets[characters.charCodeAt(at)] = 1;
  return octets;
}

const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Characters that every server reads alike. */
const plain = only(`${alphanumeric}-._~!$&'()*+,=:@/[]|^`);
/** What is decoded for `text`: `;` and the slash are not, they divide. */
const decodable = only(`${alphanumeric}-._~!$&'()*+,=:@[]|^`);
/** What divides a path for somebody who decodes before cutting. */
const dividing = only('/\\;%?#');
const hexDigit = only('0123456789abcdefABCDEF');
