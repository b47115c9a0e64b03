/** What kind of answer somebody can read: a person's page, a program's JSON or one line. */

import { fieldValue } from '../http/fields.ts';
import type { Exchange } from '../policy/exchange.ts';

/** A person who goes to a page: the browser says so itself (Sec-Fetch-Mode), or asks for HTML first of all. */
export function isNavigation(exchange: Exchange | null): boolean {
  if (exchange?.http?.method !== 'GET' || exchange.http.upgrade !== null) return false;
  const mode = fieldValue(exchange.http.fields, 'sec-fetch-mode');
  if (mode !== undefined) return mode === 'navigate';
  return names(exchange, 'text/html');
}

/** Programs that read problem details (RFC 9457) or JSON at all. */
export function wantsJson(exchange: Exchange | null): boolean {
  return names(exchange, 'application/problem+json') || names(exchange, 'application/json');
}

function names(exchange: Exchange | null, type: string): boolean {
  const accept = fieldValue(exchange?.http?.fields ?? [], 'accept');
  return accept !== undefined && accept.toLowerCase().includes(type);
}
