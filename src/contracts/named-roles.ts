/** The option `roles` of guards that give some to all whom they let in. */

import { z, type ZodType } from 'zod';
import { userName } from '../core/policy/credentials.ts';

const expected = 'roles in small letters, like [guest]';

const role = z.string({ error: expected }).refine((text) => userName(text) === text, expected);

/** `words` say in the schema what the option is for. None, where nothing is said. */
export function rolesOption(words: string): ZodType<string[]> {
  return z.array(role, { error: expected }).max(32, 'at most 32 roles').prefault([]).describe(words);
}
