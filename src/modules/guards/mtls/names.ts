/** Names of holders, each kind in its one spelling: what could be read in two ways is none. */

import type { NameKind } from '../../../contracts/client-certificates.ts';

/** ASCII alone: no NUL, no letter that looks like another, nothing that ends a line of a log or a field. */
const kinds: Readonly<Record<NameKind, RegExp>> = {
  cn: /^[A-Za-z0-9_][A-Za-z0-9 ._@+-]{0,62}[A-Za-z0-9_.-]$|^[A-Za-z0-9_]$/,
  email: /^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?$/,
  dns: /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/,
  uri: /^[A-Za-z][A-Za-z0-9+.-]{0,30}:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=%-]{1,220}$/,
};

/**
 * Null for what is no name of that kind. Letters of a CN, an address and a host are small (X.520 caseIgnoreMatch, RFC 5280,
 * 4.2.1.6), so that nobody is somebody else by a capital; a URI is taken by the letter.
 */
export function readName(kind: NameKind, text: string): string | null {
  if (!kinds[kind].test(text)) return null;
  return kind === 'uri' ? text : text.toLowerCase();
}
