/** Fields by which a client is known to its destination: whoever leads it there neither adds one nor takes one away. */

const names: ReadonlySet<string> = new Set(
  'authorization cookie cookie2 set-cookie set-cookie2 www-authenticate authentication-info x-api-key api-key x-auth-token dpop'.split(' '),
);

/** @param lower in lower case; spellings that CGI takes for the same (`X_Api_Key`) count as the same */
export function isCredentialField(lower: string): boolean {
  const folded = lower.replaceAll(/[^a-z0-9]/g, '-');
  return names.has(folded) || folded.startsWith('proxy-');
}
