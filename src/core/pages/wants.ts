/** What kind of answer somebody can read: a person's page, a program's JSON or one line. */

import { fieldValue } from '../http/fields.ts';
import type { RequestHead } from '../http/head.ts';
import type { Exchange } from '../policy/exchange.ts';

/**
 * A person who goes to a page, or sends a form to one: the browser says so itself (Sec-Fetch-Mode). Without that
 * word only a GET that asks for HTML counts: programs post, and take whatever comes.
 */
export function isNavigation(exchange: Exchange | null): boolean {
  const http = headOf(exchange);
  if (http === null || http.upgrade !== null || (http.method !== 'GET' && http.method !== 'POST')) return false;
  const mode = fieldValue(http.fields, 'sec-fetch-mode');
  if (mode !== undefined) return mode === 'navigate';
  return http.method === 'GET' && names(exchange, 'text/html');
}

/** Whether a browser sent this: only they may set Sec-Fetch-Mode (Fetch Metadata, 2.2), and none lets a page set it. */
export function isFromBrowser(exchange: Exchange): boolean {
  return exchange.http !== null && fieldValue(exchange.http.fields, 'sec-fetch-mode') !== undefined;
}

/** Programs that read problem details (RFC 9457) or JSON at all. */
export function wantsJson(exchange: Exchange | null): boolean {
  return names(exchange, 'application/problem+json') || names(exchange, 'application/json');
}

function names(exchange: Exchange | null, type: string): boolean {
  const accept = fieldValue(headOf(exchange)?.fields ?? [], 'accept');
  return accept !== undefined && accept.toLowerCase().includes(type);
}

/** Of whoever reads our answer: through a proxy it is meant for another, and all that it says of its reader stands in it. */
export function headOf(exchange: Exchange | null): RequestHead | null {
  return exchange?.led ?? exchange?.http ?? null;
}
