/** `requests:` and `answers:` of `destinations:`: how long, and of which kind, what a proxy carries in plain HTTP may be. */

import { z } from 'zod';
import type { ContentRule } from '../../core/egress/content.ts';
import { readBytes } from './limit-keys.ts';
import { formed } from './pieces.ts';

const bytesExpected = 'a size like 10MB, 512KiB or 0';
const typeExpected = 'a media type like text/*, application/json or image/png';

export function contentKey(what: string) {
  const type = z
    .string({ error: typeExpected })
    .regex(/^[\w!#$&^.+-]{1,64}\/(?:\*|[\w!#$&^.+-]{1,64})$/, typeExpected)
    .transform((text) => text.toLowerCase());
  return z
    .strictObject(
      {
        bytes: z
          .union([z.int().min(0).max(Number.MAX_SAFE_INTEGER), formed(readBytes, bytesExpected)], { error: bytesExpected })
          .optional()
          .describe('The longest content, like 10MB.'),
        types: z
          .array(type, { error: 'a list of media types' })
          .min(1)
          .max(100)
          .optional()
          .describe('Only of these kinds, as Content-Type says.'),
      },
      { error: 'like { bytes: 10MB, types: [text/*, application/json] }' },
    )
    .transform(({ bytes, types }): ContentRule => ({ bytesMax: bytes ?? null, types: types ?? null }))
    .optional()
    .describe(`What ${what} in plain HTTP may hold. Tunnels are not looked into.`);
}
