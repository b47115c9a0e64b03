/** Where a redirect leads: an address of the operator's, into which only the path and the query of a visitor are put. */

import { parseAuthority } from './host.ts';
import type { RequestHead } from './head.ts';

export const redirectExpected =
  'https://HOST/… or /…, where {path} and {query} stand for what was asked, and neither before the first slash of the path';

export type RedirectTemplate = Readonly<{
  /** The address for a request, or null where its path can be read in several ways. */
  fill: (head: RequestHead) => string | null;
}>;

/**
 * Reads a template strictly: an absolute http or https URL without a user, or a path of the same host. `{path}` is the
 * canonical path without its first slash; in the query it is encoded as a value. `{query}` is the query as it was sent, and
 * stands behind `?` or `&`. So nothing that a visitor sends chooses another host (CWE-601), or ends a line.
 */
export function redirectTemplate(text: string): RedirectTemplate | null {
  if (text.length > 2_000 || !/^[\x21-\x7e]+$/.test(text) || /["<>\\^`|]/.test(text)) return null;
  const absolute = /^https?:\/\/([^/?#{}@]+)(\/[^]*|)$/.exec(text);
  if (absolute !== null && parseAuthority(absolute[1] ?? '') === null) return null;
  const rest = absolute === null ? text : absolute[2] === '' ? '/' : (absolute[2] ?? '/');
  // `//host` and `/\host` are other hosts for a browser.
  if (!rest.startsWith('/') || (absolute === null && rest.startsWith('//'))) return null;
  const start = absolute === null ? '' : text.slice(0, text.length - (absolute[2] ?? '').length);
  const [, path = '', query = '', fragment = ''] = /^([^?#]*)(\?[^#]*|)(#[^]*|)$/.exec(rest) ?? [];
  if (!knows(path, /\{path\}/g) || !knows(query, /\{path\}|(?<=[?&])\{query\}(?=&|$)/g) || /[{}]/.test(fragment)) return null;
  return { fill: (head) => filled(head, start, path, query, fragment) };
}

/** Whether all placeholders are of these names. */
function knows(part: string, names: RegExp): boolean {
  return !/[{}]/.test(part.replaceAll(names, ''));
}

function filled(head: RequestHead, start: string, path: string, query: string, fragment: string): string | null {
  const asked = head.path;
  const needsPath = path.includes('{path}') || query.includes('{path}');
  if (needsPath && (asked === null || !asked.clear)) return null;
  const text = asked === null ? '' : asked.text.slice(1);
  const mark = head.target.indexOf('?');
  const sent = mark === -1 ? '' : head.target.slice(mark + 1);
  const inPath = path.replaceAll('{path}', () => text);
  // What is left of `?` and `&` around an empty query goes with it.
  const inQuery = query
    .replaceAll('{path}', () => encodeURIComponent(text))
    .replaceAll('{query}', () => sent)
    .replace(/\?&/, '?')
    .replaceAll(/&&+/g, '&')
    .replace(/[?&]$/, '');
  const place = `${start}${inPath}`;
  return start === '' && /^\/[/\\]/.test(place) ? null : `${place}${inQuery}${fragment}`;
}
