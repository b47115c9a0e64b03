/** `rules:` in the file: who may do what, in the operator's order, with the last word written. */

import { z } from 'zod';
import type { ZodType } from 'zod';
import { always } from '../../core/policy/match.ts';
import type { Match } from '../../core/policy/match.ts';
import type { Roles, Rule, Who } from '../../core/policy/rules.ts';
import { matchSchema } from './match-schema.ts';
import { oneOf } from './pieces.ts';

const rulesMax = 100;
const wordSchema = (what: string) => z.string({ error: what }).regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/, what);
const role = wordSchema('a role: small letters, digits and hyphens, like editor');
const user = wordSchema('the name of a user, like ana');

function list(one: ZodType<string>) {
  return z.union([one.transform((text): readonly string[] => [text]), z.array(one).min(1, 'at least one').max(100, 'at most 100')], {
    error: 'a name or a list of names',
  });
}

function whoSchema(): ZodType<Who> {
  const error = 'anyone, signed-in, { role: NAME } or { user: NAME }';
  const word = z.enum(['anyone', 'signed-in'], { error }).transform((is): Who => ({ is }));
  const some = z
    .strictObject(
      { role: list(role).optional().describe('Who has one of these roles.'), user: list(user).optional().describe('These users.') },
      { error },
    )
    .transform((keys, context): Who => {
      const who = { is: 'some', roles: keys.role ?? [], users: keys.user ?? [] } as const;
      if (who.roles.length + who.users.length === 0 && context.issues.length === 0)
        context.issues.push({ code: 'custom', message: error, input: keys });
      return who;
    });
  return z.union([word, some], { error });
}

/** The list; its last entry is `otherwise`. */
export function rulesSchema(): ZodType<readonly Rule[]> {
  const error = 'a rule like { match: { path: /admin/** }, allow: { role: editor } }, or otherwise: deny, signed-in or anyone';
  const entry = z
    .strictObject(
      {
        match: matchSchema().optional().describe('Which requests it is about; left out, all.'),
        allow: whoSchema().optional().describe('Who may: anyone, signed-in, { role }, { user }. Nobody else may.'),
        deny: whoSchema().optional().describe('Who may not. The others go on to the next rule.'),
        otherwise: oneOf(['deny', 'signed-in', 'anyone']).optional().describe('The last word: what holds where no rule matched.'),
      },
      { error },
    )
    .transform((keys, context): Rule => {
      const said = [keys.allow, keys.deny, keys.otherwise].filter((each) => each !== undefined).length;
      const rule = said === 1 && (keys.otherwise === undefined || keys.match === undefined) ? ruleOf(keys) : null;
      if (rule !== null) return rule;
      if (context.issues.length === 0) context.issues.push({ code: 'custom', message: error, input: keys });
      return z.NEVER;
    });
  return z
    .array(entry, { error: 'a list of rules, the last of which is otherwise: deny, signed-in or anyone' })
    .max(rulesMax, `at most ${rulesMax} rules`)
    .superRefine((rules, context) => {
      const at = rules.findIndex((rule) => rule.last);
      if (at === rules.length - 1 && at !== -1) return;
      const message =
        at === -1 ? 'otherwise: deny, signed-in or anyone as the last rule' : 'nothing behind otherwise, which is the last word';
      context.addIssue({ code: 'custom', message, path: at === -1 ? [] : [at + 1] });
    })
    .describe('Who may do what: the first rule that matches decides, and the last says otherwise: deny, signed-in or anyone.');
}

/** Roles of this service, by user. */
export function rolesSchema(): ZodType<Roles> {
  return z
    .record(user, list(role), { error: 'roles by user, like { ana: editor }' })
    .transform((roles): Roles => new Map(Object.entries(roles)))
    .describe('The roles that users have in this service, for rules.');
}

type Keys = Readonly<{
  match?: Match | undefined;
  allow?: Who | undefined;
  deny?: Who | undefined;
  otherwise?: 'deny' | 'signed-in' | 'anyone' | undefined;
}>;

function ruleOf({ match, allow, deny, otherwise }: Keys): Rule | null {
  if (otherwise !== undefined) {
    const last: Rule =
      otherwise === 'deny'
        ? { match: always, does: 'deny', who: { is: 'anyone' }, words: 'otherwise deny', last: true }
        : { match: always, does: 'allow', who: { is: otherwise }, words: `otherwise ${otherwise}`, last: true };
    return last;
  }
  const which = match ?? always;
  if (allow !== undefined)
    return { match: which, does: 'allow', who: allow, words: `${which.words}: allow ${whoWords(allow)}`, last: false };
  return deny === undefined
    ? null
    : { match: which, does: 'deny', who: deny, words: `${which.words}: deny ${whoWords(deny)}`, last: false };
}

function whoWords(who: Who): string {
  if (who.is !== 'some') return who.is;
  const roles = who.roles.length === 0 ? [] : [`role ${who.roles.join(' or ')}`];
  const users = who.users.length === 0 ? [] : [`user ${who.users.join(' or ')}`];
  return [...roles, ...users].join(' or ');
}
