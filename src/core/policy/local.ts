/** Whether a visitor is on this machine: what comes from 127.0.0.1 is not enough. */

import { isLoopback, parseIp } from '../address.ts';
import type { Exchange } from './exchange.ts';

/**
 * Another proxy, Docker's address translation and a web page in the local browser come from
 * 127.0.0.1 too. So all of these must hold: it did not come through a relay; a loopback peer on a
 * loopback listener; no field that a proxy writes; a Host that is a loopback literal or our own
 * name (a rebound name of a web page is neither); and nothing by which the browser says that a
 * page of another site asked.
 * @param ownNames canonical names of the service that was asked for
 * @returns false whenever anything is unclear
 */
export function isLocal(exchange: Exchange, ownNames: readonly string[]): boolean {
  const { listener, http } = exchange;
  if (http === null || listener.via !== 'direct' || !listener.loopback) return false;
  if (!isLoopbackAddress(exchange.from.ip)) return false;
  if (!isLoopbackName(exchange.host) && !ownNames.includes(exchange.host)) return false;
  return http.fields.every((field) => speaksForVisitor(field.lower, field.value, exchange.host));
}

function isLoopbackAddress(text: string): boolean {
  const ip = parseIp(text);
  return ip !== null && isLoopback(ip);
}

/** `localhost`, a name below it (RFC 6761, 6.3: never anywhere but here), or a loopback literal. */
function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host.replace(/^\[(.*)\]$/, '$1'));
}

/** False for a field that only a proxy writes, and for one that tells of another site. Names with `_` count as with `-`: some stacks fold them. */
function speaksForVisitor(lower: string, value: string, host: string): boolean {
  const name = lower.replaceAll('_', '-');
  if (name === 'forwarded' || name === 'via' || name === 'x-real-ip' || name === 'true-client-ip' || name === 'client-ip') return false;
  if (name.startsWith('x-forwarded-') || name === 'x-forwarded' || name === 'x-original-forwarded-for') return false;
  if (name === 'sec-fetch-site') return value === 'none' || value === 'same-origin';
  // A browser without Sec-Fetch-Site still says Origin where it matters (unsafe methods, WebSocket).
  if (name === 'origin') return originHost(value) === host;
  return true;
}

/** The host of a serialised origin (RFC 6454, 6.2), or null for `null` and anything odd. */
function originHost(value: string): string | null {
  const match = /^https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.exec(value.toLowerCase());
  return match?.[1]?.replace(/^\[(.*)\]$/, '$1') ?? null;
}
