/** An event as one line of JSON: ASCII only, so that nothing in it can end the line, move a cursor or turn the writing round. */

import { onePiece } from '../one-piece.ts';
import type { AuditEvent } from './event.ts';

/** Longer texts are cut, in characters: HAProxy logs 1,024 of a URI. */
const textMax = 2_048;

/**
 * The line, with its line feed. Every key of the event, in its order. Built by hand: it stands on the road of
 * every exchange, and only a few texts are a stranger's.
 */
export function auditLine(event: AuditEvent): string {
  return (
    `{"time":${text(event.time)},"id":${text(event.id)},${whoAndWhere(event)}"method":${text(event.method)},"host":${text(event.host)},` +
    `"path":${text(event.path)},${outcome(event)}"bytesIn":${number(event.bytesIn)},"bytesOut":${number(event.bytesOut)},` +
    `"durationMs":${number(event.durationMs)}}\n`
  );
}

type WhoAndWhere = Pick<AuditEvent, 'service' | 'listener' | 'visitor' | 'viaRelay' | 'who' | 'certificate'>;
type WhatCame = Pick<AuditEvent, 'verdict' | 'code' | 'why' | 'status'>;

/** Visitors ask many times in a row, and most exchanges end alike: what is written was written a moment ago. */
let lastWho: WhoAndWhere | null = null;
let lastWhoText = '';
let lastCame: WhatCame | null = null;
let lastCameText = '';

function whoAndWhere(event: WhoAndWhere): string {
  const { service, listener, visitor, viaRelay, who, certificate } = event;
  const same =
    lastWho?.visitor === visitor &&
    lastWho.service === service &&
    lastWho.who === who &&
    lastWho.certificate === certificate &&
    lastWho.listener === listener &&
    lastWho.viaRelay === viaRelay;
  if (!same) {
    lastWho = { service, listener, visitor, viaRelay, who, ...(certificate === undefined ? {} : { certificate }) };
    lastWhoText = onePiece(
      `"service":${text(service)},"listener":${text(listener)},"visitor":${text(visitor)},`,
      `"viaRelay":${viaRelay ? 'true' : 'false'},"who":${text(who)},${certificate === undefined ? '' : `"certificate":${text(certificate)},`}`,
    );
  }
  return lastWhoText;
}

function outcome(event: WhatCame): string {
  const { verdict, code, why, status } = event;
  const same = lastCame?.status === status && lastCame.verdict === verdict && lastCame.code === code && lastCame.why === why;
  if (!same) {
    lastCame = { verdict, code, why, status };
    lastCameText = onePiece(`"verdict":${text(verdict)},"code":${text(code)},`, `"why":${text(why)},"status":${number(status)},`);
  }
  return lastCameText;
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
