/** Holds whoever was let in to their own hours: a user or an API key may come in at some times only. */

import type { BuiltGuard } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { withinHours } from '../../core/policy/hours.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const pass: Verdict = Object.freeze({ is: 'pass' });

/** Stands behind all guards: only who has shown a right credential hears of hours. */
export function hoursCheck(tools: Pick<Tools, 'users' | 'keys'>): BuiltGuard {
  return {
    words: 'within the hours of who asks',
    quiet: true,
    check: ({ identity, at }) => {
      const hours = identity === null ? undefined : hoursOf(identity.subject, tools);
      if (hours === undefined || withinHours(hours, at)) return pass;
      return { is: 'deny', code: 'rule-denied', why: `it is outside of their hours: ${hours}` };
    },
  };
}

/** Undefined for who may come in at all times. */
function hoursOf(subject: string, { users, keys }: Pick<Tools, 'users' | 'keys'>): string | undefined {
  if (subject.startsWith('user:')) return users.find(subject.slice('user:'.length))?.hours;
  return subject.startsWith('key:') ? keys.byName(subject.slice('key:'.length))?.hours : undefined;
}
