/** A record as a line for people: safe to show in a terminal, whatever a visitor sent. */

import type { AuditEvent } from '../../core/audit/event.ts';
import type { Recorded } from './read.ts';

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `10:04:31 blog 192.0.2.7 user:ana GET /posts 200 12.4 kB 31 ms`. No line feed. */
export function recordWords(record: Recorded): string {
  if (record.is === 'dropped')
    return `${clock(record.time)} ${record.count} records were dropped: they came faster than the disk took them`;
  const { event } = record;
  const outcome = event.verdict === 'pass' ? '' : `${event.verdict === 'refuse' ? 'refused' : 'failed'}: ${event.code ?? 'unknown'}`;
  const parts = [
    clock(event.time),
    event.service ?? '-',
    event.viaRelay ? `${event.visitor} (says the relay)` : event.visitor,
    event.who ?? '-',
    event.method === null ? event.listener : `${event.method} ${placeOf(event)}`,
    `${event.status ?? '-'}`,
    bytes(event.bytesIn + event.bytesOut),
    `${Math.round(event.durationMs)} ms`,
    outcome,
    // What went well has a reason where something would have been refused.
    event.why === null || (event.verdict === 'pass' && event.code !== null) ? '' : `(${event.why})`,
  ];
  return shown(parts.filter((part) => part !== '').join(' '));
}

/** Through a proxy it is whole: its host has a port, which the name of a service never has. */
function placeOf({ method, host, path }: AuditEvent): string {
  const isLed = method !== 'CONNECT' && path?.startsWith('/') === true && /^(?:[^:[\]]+|\[[^[\]]+\]):\d{1,5}$/.test(host ?? '');
  return isLed ? `http://${host?.replace(/:80$/, '')}${path}` : (path ?? '');
}

/**
 * Control characters, those that turn the writing round or take no room, and halves of pairs, as `\u{…}`:
 * they move cursors, set titles and make one name look like another.
 */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Local time of day; what is no time is shown as it stands. */
function clock(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time.slice(0, 30) : at.toTimeString().slice(0, 8);
}

function bytes(count: number): string {
  let rest = count;
  let unit = 0;
  for (; rest >= 1_000 && unit < units.length - 1; unit += 1) rest /= 1_000;
  return `${rest < 10 && unit > 0 ? rest.toFixed(1) : Math.round(rest)} ${units[unit] ?? ''}`;
}
