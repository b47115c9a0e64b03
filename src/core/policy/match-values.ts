/** Queries and fields in rules. What one server reads otherwise than another is no answer: the rule then refuses. */

import { connectionNames } from '../http/connection.ts';
import { withoutOwnCookies } from '../http/own-cookies.ts';
import { isProtected } from '../http/removed-fields.ts';
import type { Finding, Match } from './match.ts';
import { anyOfSet, literalTree } from './pattern-tree.ts';
import { fromTree } from './pattern.ts';

/** What is wanted of a value: that it is there, that it is not, or how it looks (`*` is anything). */
export type Wanted = boolean | string;

/**
 * A parameter of the query. It is decided when every way of reading says the same: `;` divides or does not, `+` is a space or
 * not, names differ in case or not, `a[]` is `a` or not, decoded once or twice; and when all of several values agree.
 */
export function queryMatch(name: string, wanted: Wanted): Match {
  const value = valueOf(wanted);
  return {
    words: `query ${name}${wordsOf(wanted)}`,
    finds: ({ http }) => {
      if (http === null) return null;
      const mark = http.target.indexOf('?');
      if (mark === -1 || mark === http.target.length - 1) return value([]);
      const query = http.target.slice(mark + 1);
      const strict = pairs(query, /&/);
      const loose = pairs(query, /[&;]/);
      if (strict === null || loose === null) return null;
      const exact = value(strict.filter((pair) => pair.name === name).map((pair) => pair.value));
      const bare = looseName(name);
      const wide = loose.filter((pair) => looseName(pair.name) === bare);
      const others = [
        wide.map((pair) => pair.value),
        wide.map((pair) => pair.value.replaceAll(' ', '+')),
        wide.map((pair) => twice(pair.value)),
      ];
      return others.every((values) => value(values) === exact) ? exact : null;
    },
  };
}

/** A field as the service gets it. `name` in lower case. Undecided where Connection or a folded spelling (`X_Role`) changes what is there. */
export function headerMatch(name: string, wanted: Wanted): Match {
  const value = valueOf(wanted);
  const folded = fold(name);
  return {
    words: `header ${name}${wordsOf(wanted)}`,
    finds: ({ http }) => {
      if (http === null) return null;
      const exact: string[] = [];
      const wide: string[] = [];
      for (const field of http.fields) {
        if (field.lower === 'connection' && !isProtected(name) && connectionNames(field.value).includes(name)) return null;
        if (field.lower !== name && fold(field.lower) !== folded) continue;
        const seen = field.lower === 'cookie' ? withoutOwnCookies(field.value) : field.value;
        if (seen === null) continue;
        wide.push(seen);
        if (field.lower === name) exact.push(seen);
      }
      const found = value(exact);
      return wide.length === exact.length || value(wide) === found ? found : null;
    },
  };
}

/** Asks all values of a name: all or none must be what is wanted. */
function valueOf(wanted: Wanted): (values: readonly string[]) => Finding {
  if (typeof wanted === 'boolean') return (values) => values.length > 0 === wanted;
  const made = fromTree({
    is: 'sequence',
    of: wanted.split(/(\*)/).map((part) => (part === '*' ? anyOfSet() : literalTree(part))),
  });
  // Too long for a pattern: then it is compared as it stands.
  const matches = made.ok && wanted.includes('*') ? (text: string) => made.pattern.matches(text) : (text: string) => text === wanted;
  return (values) => {
    if (values.length === 0) return false;
    const yes = values.filter((text) => matches(text)).length;
    return yes === values.length ? true : yes === 0 ? false : null;
  };
}

function wordsOf(wanted: Wanted): string {
  return wanted === true ? '' : wanted === false ? ' absent' : ` = ${wanted}`;
}

type Pair = Readonly<{ name: string; value: string }>;

/** Null where an escape has no agreed meaning. */
function pairs(query: string, divider: RegExp): readonly Pair[] | null {
  const found: Pair[] = [];
  for (const part of query.split(divider)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decoded(equals === -1 ? part : part.slice(0, equals));
    const value = decoded(equals === -1 ? '' : part.slice(equals + 1));
    if (name === null || value === null) return null;
    found.push({ name, value });
  }
  return found;
}

function decoded(text: string): string | null {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

function twice(text: string): string {
  return decoded(text) ?? text;
}

/** PHP turns dots and spaces into underscores, cuts `[…]` and leading spaces, and ends a name at NUL; others ignore case. */
function looseName(name: string): string {
  const plain = twice(name).toLowerCase().trimStart();
  const end = plain.search(/[[\0]/);
  return (end > 0 ? plain.slice(0, end) : plain).replaceAll(/[. ]/g, '_');
}

function fold(lower: string): string {
  return lower.replaceAll(/[^a-z0-9]/g, '-');
}
