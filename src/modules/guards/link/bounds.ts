/** What a link opens: from where, which paths, and in which browser. */

import type { Link } from '../../../contracts/tools.ts';
import { contains, parseIp } from '../../../core/address.ts';
import { decidePath, isWithin } from '../../../core/http/path.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { cookieValues } from '../../../core/policy/session-cookie.ts';

/** For a link without an end: browsers keep cookies for some 400 days at most (RFC 6265bis, 5.5). Half a year. */
const markMsMax = 15_552_000_000;

/** 256 bits in base64url. */
const mark = /^[A-Za-z0-9_-]{43}$/;

/** Whether it opens from that address. Behind a relay that is the relay's word. */
export function opensFrom({ from }: Link, { from: { ip } }: Exchange): boolean {
  if (from === undefined) return true;
  const address = parseIp(ip);
  return address !== null && from.some((network) => contains(network, address));
}

/** Whether the path that is asked for is the link's, in every reading of it. */
export function opensPath({ path: bound }: Link, { http }: Exchange): boolean {
  if (bound === undefined) return true;
  const path = http?.path ?? null;
  return path !== null && decidePath(path, (text) => isWithin(text, bound)) === true;
}

/** Whether opening it changes something: then a browser is asked first, and a preview opens nothing. */
export function isSpent({ uses, browser }: Link): boolean {
  return uses !== undefined || browser !== undefined;
}

/** The mark of the browser to which a link belongs; null where there is none of that form, or more than one. */
export function readMark(exchange: Exchange, id: string): string | null {
  if (exchange.http === null || exchange.listener.scheme !== 'https') return null;
  const [value, ...rest] = cookieValues(exchange.http.fields, cookieOf(id));
  return value !== undefined && rest.length === 0 && mark.test(value) ? value : null;
}

/** `Set-Cookie` for the browser that was first; it lives as long as the link. */
export function writeMark({ id, expires }: Link, value: string, now: number): readonly [string, string] {
  const ms = Math.min(markMsMax, expires === null ? markMsMax : Math.max(1_000, expires - now));
  const seconds = Math.floor(ms / 1000);
  return ['Set-Cookie', `${cookieOf(id)}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`];
}

/** One for each link: what belongs to one says nothing of another. What is ours by its name never reaches a service. */
function cookieOf(id: string): string {
  return `__Host-sallyport-link-${id}`;
}
