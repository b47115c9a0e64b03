/** Pieces that the schemas of a gateway's and of a relay's configuration are made of. */

import { z } from 'zod';
import type { ZodType } from 'zod';
import { defaults } from '../../core/limits.ts';
import type { Limits } from '../../core/limits.ts';

/** `limits:`: the names of `Limits`, each a whole number. */
export function limitsSchema() {
  const limit = z.int({ error: 'a whole number' }).min(1, 'a number of at least 1').max(Number.MAX_SAFE_INTEGER, 'a smaller number');
  const shape: Record<string, ZodType<number | undefined>> = {};
  for (const name of Object.keys(defaults) as (keyof Limits)[]) shape[name] = limit.optional().describe(`Default ${defaults[name]}.`);
  return z.strictObject(shape, { error: 'limits by name, like { headBytesMax: 16384 }' });
}

/** A text that `read` takes, or the expectation as the message. */
export function formed<Value>(read: (text: string) => Value | null, expected: string) {
  return z.string({ error: expected }).transform((text, context): Value => {
    const value = read(text);
    if (value !== null) return value;
    context.issues.push({ code: 'custom', message: expected, input: text });
    return z.NEVER;
  });
}

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}
