/** What a service says of addresses and cookies, made right for those who know it by another name and path. */

import { isWithin } from './path.ts';
import type { Cookies } from './rewriting.ts';

/** How a visitor knows what the service knows otherwise. */
export type Outside = Readonly<{
  scheme: 'http' | 'https';
  /** As the visitor named it, `blog.example.org:8443`; empty for who named none. */
  authority: string;
  /** Its host alone, canonical. */
  host: string;
  /** Authorities of the service itself, `127.0.0.1:3000`, with the port always. */
  inside: readonly string[];
  /** What the path was rewritten by: below `to` inside is below `from` outside. Null where nothing is known to be so. */
  path: Readonly<{ from: string; to: string }> | null;
  cookies: Cookies;
}>;

/** Location and Content-Location: an address of the service's own becomes the one outside; others stay as they are. */
export function outsideAddress(value: string, outside: Outside): string {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?\/\/([^/?#]*)([^]*)$/.exec(value);
  if (match === null) return value.startsWith('/') ? outsidePath(value, outside) : value;
  const [, scheme, authority = '', rest = ''] = match;
  const kind = (scheme ?? outside.scheme).toLowerCase();
  if (kind !== 'http' && kind !== 'https') return value;
  if (!isInside(authority.toLowerCase(), kind, outside)) return value;
  const path = outsidePath(rest.startsWith('/') ? rest : `/${rest}`, outside);
  return outside.authority === '' ? path : `${outside.scheme}://${outside.authority}${path}`;
}

/** Refresh: `5; url=http://127.0.0.1:3000/x`. */
export function outsideRefresh(value: string, outside: Outside): string {
  const match = /^(\s*\d+(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?)(["']?)([^"']*)\2$/i.exec(value);
  if (match === null) return value;
  const [, before = '', quote = '', address = ''] = match;
  return `${before}${quote}${outsideAddress(address, outside)}${quote}`;
}

/**
 * Set-Cookie: Domain is cut, so that the cookie is for our name alone; Path follows the path outside; Secure where the
 * visitor came by HTTPS; SameSite where it is asked for and nothing was said. Unknown attributes stay.
 */
export function outsideCookie(value: string, outside: Outside): string {
  const [pair = '', ...attributes] = value.split(';');
  const name = pair.slice(0, Math.max(0, pair.indexOf('='))).trim();
  // Browsers hold such a cookie to Path=/ and no Domain: it would be lost.
  const held = /^__host-/i.test(name);
  const kept: string[] = [];
  const said = new Set<string>();
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=');
    const key = (equals === -1 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
    const text = equals === -1 ? '' : attribute.slice(equals + 1).trim();
    said.add(key);
    if (key === 'domain' && !(outside.cookies.domain === 'keep' && covers(text, outside.host))) continue;
    if (key === 'path' && !held && text.startsWith('/')) kept.push(` Path=${cookiePath(text, outside)}`);
    else kept.push(attribute);
  }
  const { sameSite } = outside.cookies;
  // SameSite=None without Secure is thrown away by browsers.
  const addSame = sameSite !== null && !said.has('samesite') && (sameSite !== 'None' || outside.scheme === 'https');
  if (outside.scheme === 'https' && !said.has('secure')) kept.push(' Secure');
  if (addSame) kept.push(` SameSite=${sameSite}`);
  return [pair, ...kept].join(';');
}

/** The root inside is the prefix outside without a slash: with one, a cookie would not come back to the prefix itself (RFC 6265, 5.1.4). */
function cookiePath(text: string, outside: Outside): string {
  const { path } = outside;
  const isRoot = path !== null && (text === path.to || text === `${path.to}/`);
  return isRoot && path.from !== '' ? path.from : outsidePath(text, outside);
}

/** Whether a cookie of this Domain comes back to the host (RFC 6265, 5.1.3). */
function covers(domain: string, host: string): boolean {
  const bare = domain.replace(/^\./, '').toLowerCase();
  return bare !== '' && bare.includes('.') && (host === bare || host.endsWith(`.${bare}`));
}

function isInside(authority: string, kind: 'http' | 'https', { inside, host, authority: named }: Outside): boolean {
  const full = /:\d+$/.test(authority) ? authority : `${authority}:${kind === 'http' ? 80 : 443}`;
  if (inside.includes(full)) return true;
  if (authority === named || authority === host) return true;
  // The visitor's name with the port of the service: what a service says that knows its own port and reads Host.
  const port = full.slice(full.lastIndexOf(':'));
  return full.slice(0, -port.length) === host && inside.some((each) => each.endsWith(port));
}

function outsidePath(value: string, { path }: Outside): string {
  if (path === null || value.startsWith('//')) return value;
  const end = value.search(/[?#]/);
  const place = end === -1 ? value : value.slice(0, end);
  if (!isWithin(place, path.to)) return value;
  const rest = place.slice(path.to.length);
  // The root inside is the prefix outside, and keeps its slash.
  return `${path.from}${rest === '' && path.from === '' ? '/' : rest}${end === -1 ? '' : value.slice(end)}`;
}
