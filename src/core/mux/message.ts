/** The JSON of message frames: strict UTF-8 in, a value that nobody has believed yet out. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Reads a payload whose length was checked before it was kept. The shape is the receiver's to check. */
export function decodeMessage(payload: Uint8Array): Readonly<{ value: unknown }> | Fault {
  try {
    const value: unknown = JSON.parse(decoder.decode(payload));
    return { value };
  } catch {
    return fault('frame-malformed', 'a message that is no JSON');
  }
}

/** Writes a message. */
export function encodeMessage(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}
