/** Strict-Transport-Security (RFC 6797) on its way out: ours, where a service said nothing of it. */

import { fieldOf, fieldValue } from './fields.ts';
import type { ResponseHead } from './head.ts';
import type { Reply } from './reply.ts';

const name = 'Strict-Transport-Security';

/** One of our own answers. `value` null: nothing is said. */
export function replyInsisting(reply: Reply, value: string | null): Reply {
  return value === null ? reply : { ...reply, fields: [...reply.fields, [name, value]] };
}

/** A service's answer. What it says itself stands: RFC 6797, 8.1 takes the first field and no other. */
export function headInsisting(head: ResponseHead, value: string | null): ResponseHead {
  if (value === null || fieldValue(head.fields, name.toLowerCase()) !== undefined) return head;
  return { ...head, fields: [...head.fields, fieldOf(name, value)] };
}
