/** Hours as they are kept: in one spelling of blanks, and readable. */

import { SallyportError } from '../../core/errors.ts';
import { hoursExpected, readHours } from '../../core/policy/hours.ts';

/** Errors: `usage-wrong`. */
export function checkedHours(text: string): string {
  const plain = text.trim().replaceAll(/ +/g, ' ');
  if (readHours(plain) === null)
    throw new SallyportError('usage-wrong', `${JSON.stringify(text.slice(0, 64))} are no hours.`, { hint: `Write ${hoursExpected}.` });
  return plain;
}
