/** What the claims of a token say, read strictly (RFC 7519, 4). */

/** As many roles, groups or scopes as are read of one token. */
const wordsMax = 200;

/** What a claim holds; `realm_access.roles` leads into what it holds. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  // A name with a point in it stands before a path of the same spelling: https://example.org/roles.
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, name)?.value;
  }
  return value;
}

/** The words of a list, or of a text with blanks between: visible ASCII, each once; what is none is left out. */
export function claimTexts(value: unknown): readonly string[] {
  const list: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  const found = list.filter((each): each is string => typeof each === 'string' && /^[\x21-\x7e]{1,128}$/.test(each));
  return [...new Set(found)].slice(0, wordsMax);
}
