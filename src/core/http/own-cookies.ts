/** The cookies that are ours: taken out of what a service gets to see, and never set by one. */

/** Names begin so behind `__Host-` or `__Secure-`, or barely; any case, as browsers compare the prefixes. */
const reserved = 'sallyport';

/** Whether a cookie's name is reserved for us. */
function isOwnCookie(name: string): boolean {
  const lower = name.toLowerCase();
  const rest = lower.startsWith('__') ? lower.slice(lower.indexOf('-') + 1) : lower;
  return rest.startsWith(reserved);
}

/** A Cookie field without our cookies; null when nothing is left. What is left stays byte for byte. */
export function withoutOwnCookies(value: string): string | null {
  if (!value.toLowerCase().includes(reserved)) return value;
  const kept: string[] = [];
  for (const pair of value.split(';')) {
    if (!isOwnCookie(nameOf(pair))) kept.push(pair.trim());
  }
  return kept.length === 0 ? null : kept.join('; ');
}

/** Whether a Set-Cookie field sets one of ours: it is dropped whole. */
export function setsOwnCookie(value: string): boolean {
  if (!value.toLowerCase().includes(reserved)) return false;
  const end = value.indexOf(';');
  const pair = end === -1 ? value : value.slice(0, end);
  // A pair without a name sets the nameless cookie, which is sent as its bare value: `=__Host-sallyport=x` has fooled servers.
  return isOwnCookie(nameOf(pair)) || (nameOf(pair) === '' && isOwnCookie(pair.slice(pair.indexOf('=') + 1).trim()));
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  return (equals === -1 ? pair : pair.slice(0, equals)).trim();
}
