/** What the owner of rules should know of them. */

import type { ServicePlan } from './plan.ts';
import type { Warning } from './presets.ts';

/** A relay says who the visitor is; a hostile one says what it likes, and a rule for anyone asks nothing else. */
export function ruleWarnings({ name, web }: ServicePlan, behindRelay: boolean): readonly Warning[] {
  const rule = behindRelay
    ? (web?.rules ?? []).find(({ match, does, who }) => match.byAddress === true && does === 'allow' && who.is === 'anyone')
    : undefined;
  if (rule === undefined) return [];
  return [
    {
      code: 'address-alone',
      message: `${name} is open to addresses alone by the rule "${rule.words}", and behind a relay the address is the relay's word.`,
      hint: 'Let them sign in as well: allow: signed-in.',
    },
  ];
}
