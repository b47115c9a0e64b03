/** Heads of answers as HTTP/2 sends them: names and values one after the other, nothing that speaks of a connection. */

import type { Fields } from './fields.ts';
import { namedByConnection, pseudonym } from './forward.ts';
import type { ResponseHead } from './head.ts';
import { setsOwnCookie } from './own-cookies.ts';
import { isRemovedFromResponse } from './removed-fields.ts';
import type { Reply } from './reply.ts';
import { writableField, writableValue } from './writable.ts';

/** A service's answer. `date` is of now, for a service that sent none (RFC 9110, 6.6.1). */
export function streamResponse(head: ResponseHead, date: string): string[] {
  const interim = head.status < 200;
  const switched = head.status === 101;
  const raw = [':status', switched ? '200' : String(head.status)];
  const named = namedByConnection(head.fields);
  let dated = interim && !switched;
  let sized = interim || head.status === 204;
  for (const { lower, value } of head.fields) {
    if (lower === 'content-length' && !sized) {
      // As it was read: for HEAD and 304 the length that GET would have had.
      raw.push(lower, value);
      sized = true;
    }
    if (isRemovedFromResponse(lower) || named?.has(lower) === true) continue;
    if (lower === 'set-cookie' && setsOwnCookie(value)) continue;
    if (lower === 'date') dated = true;
    // RFC 8441, 5.1: it answers a key that nobody sent.
    if (switched && lower === 'sec-websocket-accept') continue;
    raw.push(lower, value);
  }
  if (!dated) raw.push('date', date);
  if (head.own !== undefined) raw.push(head.own.lower, head.own.value);
  if (!interim) raw.push('via', `1.${head.minor} ${pseudonym}`);
  return raw;
}

/** One of our own. Throws `program-failed` when it holds what cannot be written: our fault, not a visitor's. */
export function streamReply(reply: Reply, length: number, date: string): string[] {
  const raw = [':status', String(reply.status)];
  for (const [name, value] of reply.fields) {
    writableField(name, value);
    // RFC 9113, 8.2.2: a field of the connection has no place on a stream.
    if (name.toLowerCase() !== 'upgrade') raw.push(name.toLowerCase(), value);
  }
  raw.push('date', writableValue(date));
  if (reply.status !== 204 && reply.status !== 304) raw.push('content-length', String(length));
  return raw;
}

/** Trailers that may be sent on, by name; several of one name in their order. */
export function streamTrailers(fields: Fields): Record<string, string[]> {
  // Without a prototype: `__proto__` is a name like any other.
  const trailers = Object.create(null) as Record<string, string[]>;
  for (const { lower, value } of fields) (trailers[lower] ??= []).push(value);
  return trailers;
}
