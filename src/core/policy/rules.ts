/** Rules: who may do what, by the first that matches. What is chosen here needs no identity; who may is asked of it later. */

import type { Exchange, Identity } from './exchange.ts';
import type { Match } from './match.ts';
import type { Check, Verdict } from './verdict.ts';

/** Whom a rule names. Of `roles` and `users` any one does. */
export type Who =
  | Readonly<{ is: 'anyone' }>
  | Readonly<{ is: 'signed-in' }>
  | Readonly<{ is: 'some'; roles: readonly string[]; users: readonly string[] }>;

/**
 * `allow` decides for everybody: whom it does not name is refused. `deny` stops whom it names, and the others go on to the
 * next rule. The last one matches always.
 */
export type Rule = Readonly<{ match: Match; does: 'allow' | 'deny'; who: Who; words: string; last: boolean }>;

/** Roles that users have in one service, besides those that they have everywhere. */
export type Roles = ReadonlyMap<string, readonly string[]>;

/** `index` of the rule that decides; `stops`: rules before it that match and deny some. */
export type Chosen = Readonly<{ is: 'rule'; index: number; stops: boolean }> | Readonly<{ is: 'unreadable'; index: number }>;

/** Finds the rule that decides, as far as that can be said before it is known who asks. */
export function chooseRule(rules: readonly Rule[], exchange: Exchange): Chosen {
  let stops = false;
  for (let index = 0; index < rules.length; index += 1) {
    const rule = rules[index];
    if (rule === undefined) break;
    const found = rule.match.finds(exchange);
    if (found === null) return { is: 'unreadable', index };
    if (!found) continue;
    if (rule.does === 'allow' || rule.who.is === 'anyone') return { is: 'rule', index, stops };
    stops = true;
  }
  // Lists that were read end with a rule that matches always.
  return { is: 'unreadable', index: rules.length - 1 };
}

/** Passes whom the rule names. */
export function allowCheck(rule: Rule, roles: Roles): Check {
  return ({ identity }) => (isAmong(identity, rule.who, roles) ? pass : denied(rule));
}

/** Refuses whom the rule names, where it matches. */
export function denyCheck(rule: Rule, roles: Roles): Check {
  return (exchange) => {
    const found = rule.match.finds(exchange);
    if (found === null) return unreadable;
    return found && isAmong(exchange.identity, rule.who, roles) ? denied(rule) : pass;
  };
}

/** Refuses everybody: what a rule depends on cannot be read in one way. */
export const unreadableCheck: Check = () => unreadable;

const pass: Verdict = Object.freeze({ is: 'pass' });
const unreadable: Verdict = Object.freeze({
  is: 'deny',
  code: 'request-ambiguous',
  why: 'a rule depends on what can be read in several ways',
});

function denied({ words }: Rule): Verdict {
  return { is: 'deny', code: 'rule-denied', why: `the rule says: ${words}` };
}

/** Nobody is among anybody before a guard has said who it is. */
function isAmong(identity: Identity | null, who: Who, roles: Roles): boolean {
  if (identity === null) return false;
  switch (who.is) {
    case 'anyone':
      return true;
    case 'signed-in':
      return identity.by !== 'nothing';
    case 'some': {
      const user = identity.subject.startsWith('user:') ? identity.subject.slice('user:'.length) : null;
      if (user !== null && who.users.includes(user)) return true;
      // Keys have roles as users do; those of one service are given to users by name.
      const own = user === null ? [] : (roles.get(user) ?? []);
      return who.roles.some((role) => identity.roles.includes(role) || own.includes(role));
    }
    default:
      return who satisfies never;
  }
}
