/** The firewall's reading of a path: decoded as deep as any server might, and looked up in the rules. */

import {
  containerApi,
  dotNamesAllowed,
  dotNamesBelow,
  firstSegments,
  namesAnywhere,
  runnable,
  segmentsAnywhere,
  topEndings,
  topForms,
  topNames,
  versionedAdmin,
  wordpressConfig,
} from './firewall-rules.ts';

/**
 * Looks at a request target in origin form, its query cut off: what stands there is data, and
 * looking at it stops more honest requests than others.
 * @returns the rule that it falls under, in words of ours; null when there is none
 */
export function danger(target: string): string | null {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  if (!isPlain(path)) {
    const found = peeled(path);
    return typeof found === 'string' ? found : inSegments(found);
  }
  const segments = path.toLowerCase().split('/');
  segments.shift();
  return inSegments(segments);
}

/** True for what every server reads alike: most paths need no more work than this. */
function isPlain(path: string): boolean {
  let before = 0;
  for (let at = 0; at < path.length; at += 1) {
    const character = path.charCodeAt(at);
    // % \ ; $ ` and everything that is not visible ASCII; two slashes, and a dot segment's beginning.
    if (
      character === 37 ||
      character === 92 ||
      character === 59 ||
      character === 36 ||
      character === 96 ||
      character <= 32 ||
      character >= 127
    )
      return false;
    if (before === 47 && (character === 47 || character === 46)) return false;
    before = character;
  }
  return true;
}

/** The segments of the deepest reading: two decodings, backslashes as slashes, parameters cut; or the rule that the form itself breaks. */
function peeled(path: string): readonly string[] | string {
  const text = decoded(decoded(path)).toLowerCase();
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'a control character in the path';
  if (/\$[{(]|`/.test(text)) return 'a command in the path';
  const segments: string[] = [];
  for (const raw of text.replaceAll('\\', '/').split('/')) {
    const cut = raw.indexOf(';');
    const segment = cut > 0 ? raw.slice(0, cut) : raw;
    if (segment === '..') return 'a path that climbs out of its folder';
    if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
}

/** One decoding: `%XX`, the overlong forms of dot and slash, and IIS's `%u00XX`. Bytes become Latin-1: only ASCII matters here. */
export function decoded(text: string): string {
  if (!text.includes('%')) return text;
  return text
    .replace(/%u00([0-9a-f]{2})|%([0-9a-f]{2})/gi, (_all, wide: string | undefined, narrow: string | undefined) =>
      String.fromCharCode(Number.parseInt(wide ?? narrow ?? '0', 16)),
    )
    .replaceAll('\u00c0\u00ae', '.')
    .replaceAll('\u00c0\u00af', '/');
}

function inSegments(segments: readonly string[]): string | null {
  const [first = ''] = segments;
  if (first === '') return null;
  if (first.charCodeAt(0) === 46 && !dotNamesAllowed.has(first)) return 'a hidden file';
  const last = segments.at(-1) ?? '';
  return (
    byFirst(first, segments) ??
    (segments.length === 1 ? byTopName(first) : byDepth(first, segments)) ??
    (namesAnywhere.has(last) ? 'a file that only break-ins ask for' : null)
  );
}

function byFirst(first: string, segments: readonly string[]): string | null {
  const below = firstSegments.get(first);
  if (below !== undefined) {
    const rest = below[0] === '*' ? '' : segments.slice(1).join('/');
    if (below.some((beginning) => beginning === '*' || rest.startsWith(beginning))) return 'a place that only break-ins ask for';
  }
  if (first.length < 3) return null;
  if (versionedAdmin.test(first)) return 'a place that only break-ins ask for';
  return first.startsWith('v1.') && containerApi.test(first) && /^(?:containers|images|exec)$/.test(segments[1] ?? '')
    ? 'a daemon of containers'
    : null;
}

function byTopName(name: string): string | null {
  if (topNames.has(name)) return 'a file that only break-ins ask for';
  const dot = name.lastIndexOf('.');
  if (dot !== -1 && topEndings.has(name.slice(dot + 1))) return 'a copy that was left behind';
  if (wordpressConfig.test(name)) return 'a file that only break-ins ask for';
  return (dot !== -1 || name.startsWith('w00t')) && topForms.some((form) => form.test(name)) ? 'a file that only break-ins ask for' : null;
}

function byDepth(first: string, segments: readonly string[]): string | null {
  for (const segment of segments) {
    if (segmentsAnywhere.has(segment)) return 'a folder that no server shows';
  }
  const [, second = ''] = segments;
  const last = segments.at(-1) ?? '';
  if (second.charCodeAt(0) === 46 && (dotNamesBelow.has(second) || second.startsWith('.env.'))) return 'a hidden file';
  if (segments.length === 2 && second.startsWith('wp-config') && wordpressConfig.test(second)) return 'a file that only break-ins ask for';
  const uploads =
    (first === 'wp-content' && second === 'uploads') || (first === 'sites' && second === 'default' && segments[2] === 'files');
  return uploads && runnable.test(last) ? 'code where uploads lie' : null;
}
