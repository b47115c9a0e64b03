/** What a guard says of an exchange with these fields, in a word. */

import type { BuiltGuard } from '../../src/contracts/guard.ts';
import { exchangeOf, noBody, type Asked } from './exchange.ts';

export type Fields = readonly (readonly [string, string])[];

/** `pass as SUBJECT ROLES`, `skip`, or the code. */
export async function tried(guard: BuiltGuard, fields: Fields, more: Asked = {}): Promise<string> {
  const verdict = await guard.check(exchangeOf({ ...more, fields }), noBody);
  if (verdict.is === 'pass') return `pass as ${verdict.identity?.subject} ${verdict.identity?.roles.join()}`;
  return verdict.is === 'skip' ? 'skip' : verdict.code;
}
