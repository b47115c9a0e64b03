/** An event as one line of JSON: ASCII only, so that nothing in it can end the line, move a cursor or turn the writing round. */

import type { AuditEvent } from './event.ts';

/** Longer texts are cut, in characters: HAProxy logs 1,024 of a URI. */
const textMax = 2_048;

/**
 * The line, with its line feed. Every key of the event, in its order. Built by hand: it stands on the road of
 * every exchange, and only a few texts are a stranger's.
 */
export function auditLine(event: AuditEvent): string {
  return (
    `{"time":${text(event.time)},"id":${text(event.id)},"service":${text(event.service)},"listener":${text(event.listener)},` +
    `"visitor":${text(event.visitor)},"viaRelay":${event.viaRelay ? 'true' : 'false'},"who":${text(event.who)},` +
    `"method":${text(event.method)},"host":${text(event.host)},"path":${text(event.path)},"verdict":${text(event.verdict)},` +
    `"code":${text(event.code)},"why":${text(event.why)},"status":${number(event.status)},"bytesIn":${number(event.bytesIn)},` +
    `"bytesOut":${number(event.bytesOut)},"durationMs":${number(event.durationMs)}}\n`
  );
}

/** What a log says where events could not be kept. */
export function droppedLine(time: string, count: number): string {
  return `{"time":${text(time)},"dropped":${count}}\n`;
}

/** Everything that is not printable ASCII, and what JSON escapes: a quotation mark and a backslash. */
const special = /[^ !#-[\]-~]/;
const specials = /[^ !#-[\]-~]/g;

function text(value: string | null): string {
  if (value === null) return 'null';
  const kept = value.length > textMax ? `${value.slice(0, textMax)}...` : value;
  return special.test(kept) ? `"${kept.replace(specials, escape)}"` : `"${kept}"`;
}

/** One UTF-16 unit; a pair becomes two escapes, a half of one stays a half, and both are JSON. */
function escape(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** JSON has no NaN and no Infinity. */
function number(value: number | null): string {
  return value !== null && Number.isFinite(value) ? `${value}` : 'null';
}
