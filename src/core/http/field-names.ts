/** Field names as sent, each turned into its lower case once: a bounded cache that needs no string to look into. */

import type { Latin1 } from '../bytes.ts';

/** What a field means to the reader of a head; everything else is ordinary. */
export type Role = keyof typeof roles;

/** A name as sent, in lower case, and its meaning. */
export type FieldName = Readonly<{ name: string; lower: string; role: Role | null }>;

const roles = {
  host: true,
  'content-length': true,
  'transfer-encoding': true,
  connection: true,
  expect: true,
  upgrade: true,
  'sec-websocket-key': true,
  'sec-websocket-version': true,
} as const;

/** Slots and the longest name kept: 1,024 × 64 bytes. A stranger who fills them costs a lookup, never memory. */
const slotsMax = 1024;
const keptBytesMax = 64;

type Kept = Readonly<{ bytes: Uint8Array; field: FieldName }>;

const slots: (Kept | undefined)[] = Array.from({ length: slotsMax });

/** The name in `bytes[start, end)`, which is known to be a token. */
export function fieldName(bytes: Uint8Array, start: number, end: number, latin1: Latin1): FieldName {
  let hash = end - start;
  // Indices lie within the scanned head, so the octets exist.
  for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  const slot = (hash ^ (hash >>> 15)) & (slotsMax - 1);
  const kept = slots[slot];
  if (kept !== undefined && same(kept.bytes, bytes, start, end)) return kept.field;
  const name = latin1(bytes, start, end);
  const lower = name.toLowerCase();
  const field: FieldName = { name, lower, role: Object.hasOwn(roles, lower) ? (lower as Role) : null };
  if (end - start <= keptBytesMax) slots[slot] = { bytes: bytes.slice(start, end), field };
  return field;
}

function same(kept: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (kept.length !== end - start) return false;
  for (let at = 0; at < kept.length; at += 1) {
    if (kept[at] !== bytes[start + at]) return false;
  }
  return true;
}
