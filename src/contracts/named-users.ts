/** The option `users` of guards that know people: names, or all. */

import { z, type ZodType } from 'zod';
import { userName } from '../core/policy/credentials.ts';

/** Canonical names, or everybody whom the store has. */
export type NamedUsers = 'all' | string[];

const expected = 'names of users, like [ana, ben], or all';

const name = z.string({ error: expected }).transform((text, context): string => {
  const canonical = userName(text);
  if (canonical !== null) return canonical;
  context.issues.push({ code: 'custom', message: expected, input: text });
  return z.NEVER;
});

/** `words` say in the schema what the option is for. All, where nothing is said. */
export function usersOption(words: string): ZodType<NamedUsers> {
  return z
    .union([z.literal('all'), z.array(name).min(1, expected).max(1_000, 'at most 1,000 names')], { error: expected })
    .prefault('all')
    .describe(words);
}

/** What is said where the options are no map of them. */
export const usersOptionExpected = 'users: a list of names or all, like { users: [ana] }';

/** Whether a canonical name is among them. */
export function admitting(users: NamedUsers): (user: string) => boolean {
  const listed = users === 'all' ? null : new Set(users);
  return (user) => listed === null || listed.has(user);
}

/** `any user`, or their names, for `explain` and the screen. */
export function usersInWords(users: NamedUsers): string {
  return users === 'all' ? 'any user' : users.join(' or ');
}
