/** What an exchange came to when the visitor was answered by nobody yet, or by nobody ever. */

import type { Tally } from '../../../contracts/protocol.ts';
import type { Code } from '../../../core/errors.ts';

/** The upstream failed before the visitor got a byte: somebody else answers, or it is tried once more. */
export function unansweredTally(fact: Readonly<{ code: Code; why: string; bytesIn: number; untouched: boolean }>): Tally {
  const { code, why, bytesIn } = fact;
  return { status: null, bytesIn, bytesOut: 0, code, why, reusable: false, end: fact.untouched ? 'untouched' : 'unanswered' };
}

export const goneTally: Tally = Object.freeze({
  status: null,
  bytesIn: 0,
  bytesOut: 0,
  code: 'visitor-gone',
  why: 'the visitor closed the connection',
  reusable: false,
  end: 'done',
});
