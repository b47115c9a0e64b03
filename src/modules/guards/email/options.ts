/** What a configuration says of `email`: to whom codes are sent. */

import { z } from 'zod';
import { rolesOption } from '../../../contracts/named-roles.ts';
import { mailAddress, mailDomain } from '../../../core/policy/mail-address.ts';

const expected = 'addresses and domains, like [ana@example.org, "*@example.net"]';

/** `ana@example.org`, or `*@example.net` for all of a domain, without those below it. */
const entry = z.string({ error: expected }).transform((text, context): string => {
  const domain = text.startsWith('*@') ? mailDomain(text.slice(2)) : null;
  const found = text.startsWith('*@') ? domain && `*@${domain}` : mailAddress(text);
  if (found !== null) return found;
  context.issues.push({ code: 'custom', message: expected, input: text });
  return z.NEVER;
});

export const emailOptions = z.strictObject(
  {
    allow: z
      .array(entry, { error: expected })
      .min(1, expected)
      .max(1_000, 'at most 1,000 addresses and domains')
      .describe('To whom codes are sent: addresses, and *@DOMAIN for all of a domain, without those below it.'),
    roles: rolesOption('What rules know those by who come in by mail.'),
  },
  { error: 'who may come in, like { allow: [ana@example.org] }' },
);

export type EmailOptions = z.output<typeof emailOptions>;

/** Whether codes are sent to an address, in its one spelling. */
export function admitsOf({ allow }: EmailOptions): (address: string) => boolean {
  const listed = new Set(allow);
  return (address) => listed.has(address) || listed.has(`*${address.slice(address.lastIndexOf('@'))}`);
}

export function emailWords({ allow }: EmailOptions): string {
  const shown = allow.slice(0, 3).map((text) => (text.length > 48 ? `${text.slice(0, 44)}...` : text));
  const more = allow.length > shown.length ? ` and ${allow.length - shown.length} more` : '';
  return `a code by mail to ${shown.join(', ')}${more}`;
}
