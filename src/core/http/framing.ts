/** What Content-Length and Transfer-Encoding say together: one length, or a refusal (RFC 9112, 6). */

import { type Fault, fault } from '../errors.ts';
import type { Framing } from './head.ts';
import { consistsOf, digit } from './octets.ts';

/** The value of each, null when the field was not sent. A second field of either name was refused before. */
export type FramingFields = Readonly<{ minor: 0 | 1; contentLength: string | null; transferEncoding: string | null }>;

/** `none` when neither was sent: what that means depends on the direction. Fault: `framing-ambiguous`. */
export function readFraming(fields: FramingFields): Framing | Fault {
  const { minor, contentLength, transferEncoding } = fields;
  if (transferEncoding !== null) {
    if (contentLength !== null) return fault('framing-ambiguous', 'both Transfer-Encoding and Content-Length');
    // An HTTP/1.0 sender does not know Transfer-Encoding, and whoever relays for it may not either (RFC 9112, 6.1).
    if (minor === 0) return fault('framing-ambiguous', 'Transfer-Encoding in HTTP/1.0');
    // Only `chunked`, once: other codings are not kept apart here, and their final chunked is read differently.
    if (transferEncoding !== 'chunked' && transferEncoding.toLowerCase() !== 'chunked')
      return fault('framing-ambiguous', 'a transfer coding other than chunked');
    return chunked;
  }
  if (contentLength === null) return none;
  const length = readLength(contentLength);
  return length === null ? fault('framing-ambiguous', 'a Content-Length that is not one number') : { is: 'length', length };
}

/** Digits only; leading zeros are legal (RFC 9110, 8.6). Null past 2^53 - 1: there numbers are read differently. */
function readLength(value: string): number | null {
  if (value.length === 0 || !consistsOf(value, digit)) return null;
  let first = 0;
  while (first < value.length - 1 && value.charCodeAt(first) === 48) first += 1;
  if (value.length - first > 16) return null;
  let length = 0;
  for (let at = first; at < value.length; at += 1) length = length * 10 + value.charCodeAt(at) - 48;
  return Number.isSafeInteger(length) ? length : null;
}

export const none: Framing = { is: 'none' };
const chunked: Framing = { is: 'chunked' };
