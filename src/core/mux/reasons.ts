/** Why a stream was reset or a carrier ended, in one byte on the wire. */

import type { Code } from '../errors.ts';

/** The index is the byte. New ones are added at the end; a byte that is not here reads as `exchange-cut`. */
export const reasons = [
  'exchange-cut',
  'visitor-gone',
  'streams-exceeded',
  'stream-idle',
  'upstream-refused',
  'upstream-broken',
  'connections-exceeded',
  'service-closed',
  'hello-malformed',
  'hello-timed-out',
  'frame-malformed',
  'frame-too-long',
  'frames-exceeded',
  'window-exceeded',
  'stream-unknown',
  'carrier-idle',
  'carrier-broken',
  'name-refused',
  'interrupted',
] as const satisfies readonly Code[];

export function reasonByte(code: Code): number {
  const at = (reasons as readonly Code[]).indexOf(code);
  return at < 0 ? 0 : at;
}

export function reasonCode(byte: number): Code {
  return reasons[byte] ?? 'exchange-cut';
}
