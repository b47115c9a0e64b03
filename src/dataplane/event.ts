/** Makes the one event of an exchange. */

import type { Code } from '../core/errors.ts';
import { destinationText } from '../core/egress/destination.ts';
import type { AuditEvent } from '../core/audit/event.ts';
import type { RequestHead } from '../core/http/head.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { Tally } from '../contracts/protocol.ts';
import type { Arrival } from '../contracts/stream.ts';
import { RESERVED, isReservedRequest } from './reserved.ts';

type Verdict = Readonly<{ is: AuditEvent['verdict']; code: Code | null; why: string | null }>;

export function eventOf(exchange: Exchange, service: string | null, tally: Tally, verdict: Verdict, now: number): AuditEvent {
  const { http, identity } = exchange;
  // On the road of every exchange: a spread among other keys would be looked up by name each time.
  const event: AuditEvent = {
    time: rfc3339(exchange.at),
    id: exchange.id,
    service,
    listener: exchange.listener.name,
    visitor: exchange.from.ip,
    viaRelay: exchange.listener.via === 'relay',
    who: identity?.subject ?? null,
    method: http?.method ?? null,
    host: exchange.destination === undefined ? exchange.host : destinationText(exchange.destination),
    path: http === null ? null : pathForLog(http, identity?.secretPath === true),
    verdict: verdict.is,
    code: verdict.code,
    why: verdict.why,
    status: tally.status,
    bytesIn: tally.bytesIn,
    bytesOut: tally.bytesOut,
    durationMs: wholeMs(now - exchange.at),
  };
  return identity?.certificate === undefined ? event : { ...event, certificate: identity.certificate };
}

/** For what never became an exchange: a head, or a hello, without a single reading. */
export function eventOfRefusal(
  arrival: Arrival,
  fact: Readonly<{ code: Code; why: string; status: number | null; id: string; at: number }>,
): AuditEvent {
  return {
    time: rfc3339(fact.at),
    id: fact.id,
    service: null,
    listener: arrival.listener.name,
    visitor: arrival.from.ip,
    viaRelay: arrival.listener.via === 'relay',
    who: null,
    method: null,
    host: arrival.sni,
    path: null,
    verdict: 'refuse',
    code: fact.code,
    why: fact.why,
    status: fact.status,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
  };
}

/** 24 days; a stream may last longer. */
const longestMs = 0x7fff_ffff;

/** As an integer for V8 too: a field that is a fraction now and a small integer then has its maker compiled again and again. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.min(ms, longestMs)) | 0;
}

let formattedAt = Number.NaN;
let formatted = '';

/** The same millisecond is written once. */
function rfc3339(at: number): string {
  if (at !== formattedAt) {
    formattedAt = at;
    formatted = new Date(at).toISOString();
  }
  return formatted;
}

/** Below the reserved path a secret may follow the form's name, and a webhook's may be the last segment: neither is kept. */
function pathForLog(http: RequestHead, secretPath: boolean): string {
  const path = http.path?.text ?? http.target;
  if (secretPath) return `${path.slice(0, path.lastIndexOf('/'))}/…`;
  if (!isReservedRequest(http)) return path;
  if (!path.startsWith(RESERVED)) return `${RESERVED}…`;
  const end = path.indexOf('/', RESERVED.length);
  return end === -1 ? path : `${path.slice(0, end)}/…`;
}
