/** Paths in rules: exact, a prefix, a glob, a regular expression; all of the one canonical text, of each of its readings. */

import { canonicalPath, decidePath, isWithin } from '../http/path.ts';
import type { Match, MatchMade } from './match.ts';
import { anyOfSet, literalTree, segmentSet, type PatternTree } from './pattern-tree.ts';
import { fromTree, makePattern } from './pattern.ts';

/**
 * `/admin` alone; with stars a glob. `*` is anything but a slash. `**` is anything; `/**` at the end is the place itself
 * and all that is below it.
 */
export function globPath(text: string): MatchMade {
  const canonical = literalPath(text);
  if (canonical === null) return { ok: false, expected };
  if (!canonical.includes('*')) return made(canonical, (path) => path === canonical);
  if (/\*\*\*|[^/]\*\*|\*\*[^/]/.test(canonical)) return { ok: false, expected: '** between slashes, like /admin/** or /**/secret' };
  const below = canonical.endsWith('/**') ? canonical.slice(0, -3) : null;
  if (below !== null && !below.includes('*')) return made(canonical, (path) => isWithin(path, below));
  const pattern = fromTree(globTree(canonical));
  return pattern.ok ? made(canonical, (path) => pattern.pattern.matches(path)) : pattern;
}

/** `/admin` and all that is below it: `/admin/x`, and not `/administrator`. */
export function prefixPath(text: string): MatchMade {
  const canonical = literalPath(text);
  if (canonical === null || canonical.includes('*')) return { ok: false, expected };
  const prefix = canonical.endsWith('/') ? canonical.slice(0, -1) : canonical;
  return made(`${prefix}/**`, (path) => isWithin(path, prefix));
}

/** The path that is this text, stars and all. */
export function exactPath(text: string): MatchMade {
  const canonical = literalPath(text);
  return canonical === null ? { ok: false, expected } : made(canonical, (path) => path === canonical);
}

/** A regular expression of the whole path. */
export function regexPath(source: string): MatchMade {
  const pattern = makePattern(source);
  return pattern.ok ? made(`regex ${source}`, (path) => pattern.pattern.matches(path)) : pattern;
}

const expected = 'a path like /admin/** as it is after decoding: no // and no . or .. in it, % before what must be encoded';

/** A path of the file in the spelling in which paths are compared, or null where it has none. Letters beyond ASCII are encoded. */
export function literalPath(text: string): string | null {
  if (!text.startsWith('/') || text.length > 2_000 || /[?#\s]/.test(text)) return null;
  // Lone halves of a pair have no encoding.
  if (!text.isWellFormed()) return null;
  const encoded = text.replaceAll(/[^\x21-\x7e]+/g, (letters) => encodeURIComponent(letters));
  const path = canonicalPath(encoded);
  return path.clear ? path.text : null;
}

function made(words: string, matches: (text: string) => boolean): MatchMade {
  const match: Match = {
    words: `path ${words}`,
    finds: ({ http }) => {
      const path = http?.path;
      // OPTIONS * and CONNECT have none.
      return path === undefined || path === null ? null : decidePath(path, matches);
    },
  };
  return { ok: true, match };
}

/** Two stars and the slash before them may be nothing at all: with them between `/a` and `/b`, `/a/b` matches as well. */
function globTree(glob: string): PatternTree {
  const of = glob.split(/(\/\*\*(?=\/|$)|\*)/).map((part): PatternTree => {
    if (part === '*') return anyOfSet(segmentSet);
    if (part !== '/**') return literalTree(part);
    return { is: 'repeat', of: { is: 'sequence', of: [literalTree('/'), anyOfSet()] }, least: 0, most: 1, greedy: true };
  });
  return { is: 'sequence', of };
}
