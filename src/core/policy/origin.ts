/** Whether a browser sent this on behalf of another site: cross-site request forgery and WebSocket hijacking. */

import { fault, type Fault } from '../errors.ts';
import type { Exchange } from './exchange.ts';

/** RFC 9110, 9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

const foreign = fault('origin-foreign', 'a page of another site sent this request');
const unnamed = fault('origin-foreign', 'a WebSocket that shows a session must say from which page it comes');

/**
 * For credentials that a browser adds by itself (a session, Basic): unsafe methods and WebSockets
 * only pass from our own pages. What sends neither Origin nor Sec-Fetch-Site is a program; only
 * a WebSocket with a session must name its origin, for every browser does.
 * @returns the reason to refuse, or null
 */
export function forgery(exchange: Exchange, by: 'basic' | 'session'): Fault | null {
  const { http } = exchange;
  if (http === null) return null;
  if (http.upgrade === null) return safeMethods.has(http.method) ? null : foreignOrigin(exchange);
  const found = foreignOrigin(exchange);
  if (found !== null || by === 'basic') return found;
  return http.fields.some((field) => field.lower === 'origin' && field.value === originOf(exchange)) ? null : unnamed;
}

/**
 * Whether the browser says that this comes from elsewhere, whatever the method. `Origin: null` is
 * foreign (a sandboxed frame, a file), unless Sec-Fetch-Site, which no page can set, says
 * `same-origin`: that is how a form of a page with `Referrer-Policy: no-referrer` arrives
 * (Fetch, "append a request Origin header").
 */
export function foreignOrigin(exchange: Exchange): Fault | null {
  if (exchange.http === null) return null;
  let origin: string | null = null;
  let site: string | null = null;
  for (const { lower, value } of exchange.http.fields) {
    if (lower === 'origin') {
      if (origin !== null) return foreign;
      origin = value;
    } else if (lower === 'sec-fetch-site') {
      if (site !== null) return foreign;
      site = value;
    }
  }
  if (site !== null && site !== 'same-origin' && site !== 'none') return foreign;
  if (origin === null || origin === originOf(exchange)) return null;
  return origin === 'null' && site === 'same-origin' ? null : foreign;
}

/** `https://blog.example.org`, with the port unless it is the scheme's own, as a browser writes it (RFC 6454, 6.2). */
export function originOf(exchange: Exchange): string {
  const scheme = exchange.listener.scheme === 'http' ? 'http' : 'https';
  const authority = exchange.http?.authority ?? { host: exchange.host, port: null };
  const host = authority.host.includes(':') && !authority.host.startsWith('[') ? `[${authority.host}]` : authority.host;
  const own = scheme === 'http' ? 80 : 443;
  return authority.port === null || authority.port === own ? `${scheme}://${host}` : `${scheme}://${host}:${authority.port}`;
}
