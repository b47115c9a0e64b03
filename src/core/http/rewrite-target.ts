/** Path and query of a request as its service gets them, where the configuration changes them. */

import { isWithin, canonicalPath } from './path.ts';
import type { RequestHead } from './head.ts';
import type { PathChange, QueryChanges } from './rewriting.ts';

/**
 * The target for the service. The path is made of the canonical text that rules were asked about, so that both are one;
 * what no rule changes stays byte for byte. Null where the path can be read in several ways, or what comes of it could be.
 */
export function rewrittenTarget(head: RequestHead, path: PathChange | null, query: QueryChanges): string | null {
  if (head.path === null) return head.target;
  const mark = head.target.indexOf('?');
  const sentPath = mark === -1 ? head.target : head.target.slice(0, mark);
  const place = path === null ? sentPath : rewrittenPath(head, sentPath, path);
  if (place === null) return null;
  const sent = mark === -1 ? null : head.target.slice(mark + 1);
  const asked = query.set.length === 0 && query.remove.length === 0 ? sent : rewrittenQuery(sent ?? '', query);
  return asked === null ? place : `${place}?${asked}`;
}

function rewrittenPath({ path }: RequestHead, sent: string, change: PathChange): string | null {
  if (path === null || !path.clear) return null;
  const made = change.is === 'prefix' ? withPrefix(path.text, change.from, change.to) : withPattern(path.text, change);
  if (made === null) return sent;
  const seen = canonicalPath(made);
  // Two pieces that are harmless alone may make dot segments or an empty one together.
  return seen.clear && !made.includes('?') && !made.includes('#') ? made : null;
}

/** Null where nothing is to be changed. */
function withPrefix(text: string, from: string, to: string): string | null {
  if (!isWithin(text, from)) return null;
  const rest = text.slice(from.length);
  return `${to}${rest === '' && to === '' ? '/' : rest}`;
}

function withPattern(text: string, { pattern, to }: Extract<PathChange, { is: 'pattern' }>): string | null {
  const captures = pattern.captures(text);
  return captures === null ? null : to.replaceAll(/\$([0-9])/g, (_, digit: string) => captures[Number(digit)] ?? '');
}

/** Names are compared as they are decoded; pairs that stay do so byte for byte. Null when nothing is left. */
function rewrittenQuery(sent: string, { set, remove }: QueryChanges): string | null {
  const gone = new Set([...remove, ...set.map(([name]) => name)]);
  // Some servers divide at `;` as well: where one part of such a piece is meant, all of it goes.
  const kept = sent.split('&').filter((pair) => pair !== '' && !pair.split(';').some((part) => gone.has(nameOf(part))));
  const added = set.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const pairs = [...kept, ...added];
  return pairs.length === 0 ? null : pairs.join('&');
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  const name = (equals === -1 ? pair : pair.slice(0, equals)).replaceAll('+', ' ');
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
