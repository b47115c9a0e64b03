/** E-mail addresses, as narrowly as people have them: nothing of them can end a field, a command or a list. */

import { withoutBlanks } from '../blanks.ts';

/** Letters, digits and signs of an atom (RFC 5322, 3.2.3); no quotes, no comments, no blanks, no star, which stands for all of a domain; ASCII alone. */
const local = /^[a-z0-9!#$%&'+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'+/=?^_`{|}~-]+)*$/;
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** An address in its one spelling, small letters (RFC 5321, 4.5.3.1 for its lengths); null for anything else. */
export function mailAddress(text: string): string | null {
  if (text.length > 320) return null;
  const address = withoutBlanks(text).toLowerCase();
  const at = address.lastIndexOf('@');
  const name = address.slice(0, Math.max(0, at));
  return address.length <= 254 && name.length <= 64 && local.test(name) && mailDomain(address.slice(at + 1)) !== null ? address : null;
}

/** A domain with a dot at least, or `localhost`; null for anything else. One beyond ASCII is said in its xn-- form. */
export function mailDomain(text: string): string | null {
  const domain = text.toLowerCase();
  const labels = domain.split('.');
  if (domain.length > 253 || !labels.every((each) => label.test(each))) return null;
  return labels.length > 1 || domain === 'localhost' ? domain : null;
}
