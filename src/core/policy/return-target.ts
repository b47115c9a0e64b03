/** Where somebody goes after a login or a link: a place on this very site, or nowhere. */

/** Longer than any path that a person comes from; the target's own limit is 8 KiB. */
const targetCharsMax = 2_048;

/**
 * Reads the wish to return to `text`: a path with an optional query on our own origin (which may
 * stand before it in full). Everything that a browser or a second parser could take for another
 * site is refused: `//host`, backslashes, control characters, dot segments, also percent-encoded;
 * so is our own reserved space below /.sallyport/, but for the page of doors, which is a place to return to.
 * @returns a target of visible ASCII for `Location`, or null
 */
export function returnTarget(text: string, origin: string): string | null {
  if (text.length > targetCharsMax) return null;
  const local = text.startsWith(`${origin}/`) ? text.slice(origin.length) : text;
  // Visible ASCII without \ " < > ` #: nothing else belongs into a request target, and Location is a field.
  if (!/^\/[!$-;=?-[\]^_a-~]*$/.test(local)) return null;
  const [path = ''] = local.split('?', 1);
  const plain = decodedTwice(path);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (plain === null || /[\u0000-\u001f\u007f\\]/.test(plain) || plain.startsWith('//')) return null;
  if (/(?:^|\/)\.{1,2}(?:;[^/]*)?(?:\/|$)/.test(plain)) return null;
  return isReserved(plain) && local !== '/.sallyport/door' ? null : local;
}

/** Whether a path lies in the space that Sallyport keeps for itself on every service. */
export function isReserved(path: string): boolean {
  return path === '/.sallyport' || path.startsWith('/.sallyport/');
}

function decodedTwice(path: string): string | null {
  const once = decoded(path);
  // `100%25` is `100%` by now: that is its last reading.
  return once === null ? null : (decoded(once) ?? once);
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
