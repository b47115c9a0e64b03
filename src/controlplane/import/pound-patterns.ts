/** Pound's patterns in our words: never one that lets in more. Null where there is none, and whoever asks gives up the whole. */

import { makePattern } from '../../core/policy/pattern.ts';

/** What stands before the text of a pattern: `-beg`, `-icase`, `Not` is the caller's. */
export type PatternOptions = Readonly<{ kind: 're' | 'exact' | 'beg' | 'end' | 'contain'; icase: boolean }>;

/** Null for an option that changes what is compared, and that we do not have (`-file`, `-pcre` with more than we take). */
export function patternOptions(
  words: readonly string[],
  usual: PatternOptions,
): Readonly<{ options: PatternOptions; text: string }> | null {
  let { kind, icase } = usual;
  const rest = [...words];
  for (let word = rest[0]; word?.startsWith('-') === true && rest.length > 1; word = rest[0]) {
    rest.shift();
    const option = word.slice(1).toLowerCase();
    if (option === 'icase') icase = true;
    else if (option === 'case') icase = false;
    else if (option === 're' || option === 'posix' || option === 'pcre' || option === 'perl') kind = 're';
    else if (option === 'exact' || option === 'beg' || option === 'end' || option === 'contain') kind = option;
    else if (option !== 'decode') return null;
  }
  const [text] = rest;
  return text === undefined || rest.length > 1 ? null : { options: { kind, icase }, text };
}

/** A path match of ours: a pattern of the whole path. `true` matches every path. */
export function pathPattern(text: string, { kind, icase }: PatternOptions): string | true | null {
  const body = kind === 're' ? unanchored(text) : around(escaped(text), kind);
  if (body === null || body === '.*' || body === '/.*') return body === null ? null : true;
  const pattern = icase ? `(?i)${body}` : body;
  // What speaks of the query, or what we do not take, has no counterpart.
  return kind === 're' && /\\\?|[&=]/.test(text) ? null : makePattern(pattern).ok ? pattern : null;
}

/** A name, `**.name`, or null. It is never wider than the pattern; `narrower` where the pattern took more. */
export function hostPattern(text: string, { kind }: PatternOptions): Readonly<{ host: string; narrower: boolean }> | null {
  if (kind === 'exact') return named(text, false);
  if (kind === 'end') return text.startsWith('.') ? wild(text.slice(1)) : named(text, true);
  if (kind !== 're') return null;
  const bare = text
    .replace(/^\^/, '')
    .replace(/\$$/, '')
    .replace(/\(:\.\*\)\?$|\(:\[0-9\]\+\)\?$|:\d+$/, '');
  const anchored = text.startsWith('^') && text.endsWith('$');
  const below = /^(?:\.\*|\.\+)\\?\.(?=[a-z0-9])/i.exec(bare);
  const name = bare
    .slice(below?.[0].length ?? 0)
    .replace(/^\.\*|\.\*$/g, '')
    .replaceAll('\\.', '.')
    .replaceAll('\\-', '-');
  if (below !== null && below[0].includes('\\.')) return wild(name);
  return named(name, !anchored);
}

/** A value with `*` for anything, as our fields and parameters take it. */
export function valuePattern(text: string, { kind, icase }: PatternOptions): string | true | null {
  if (icase && /[a-z]/i.test(text)) return null;
  if (kind !== 're') {
    // A star of ours stands for anything.
    if (/[*\\]/.test(text) || text.length > 190) return null;
    return { exact: text, beg: `${text}*`, end: `*${text}`, contain: `*${text}*` }[kind];
  }
  const parts = text
    .replace(/^\^/, '')
    .replace(/\$$/, '')
    .split('.*')
    .map((part) => {
      const plain = part.replace(/\\([.\-/])/g, '$1');
      return /[[\](){}?+|^$\\*]|(?<!\\)\./.test(part.replace(/\\[.\-/]/g, '')) ? null : plain;
    });
  if (parts.some((part) => part === null)) return null;
  const value = `${text.startsWith('^') ? '' : '*'}${parts.join('*')}${text.endsWith('$') ? '' : '*'}`.replace(/\*+/g, '*');
  return value.length > 190 ? null : value === '*' ? true : value;
}

function around(text: string, kind: Exclude<PatternOptions['kind'], 're'>): string {
  return { exact: text, beg: `${text}.*`, end: `.*${text}`, contain: `.*${text}.*` }[kind];
}

/** Pound looks for its pattern anywhere in the path, ours describes all of it. */
function unanchored(text: string): string | null {
  // ^ or $ inside, or in one branch of several, means something that cannot be moved to the ends.
  const inner = text.replace(/^\^/, '').replace(/(?<!\\)\$$/, '');
  if (/(?<![\\[])\^|(?<!\\)\$/.test(inner)) return null;
  const grouped = topLevelBar(inner) ? `(${inner})` : inner;
  if (grouped !== inner && (text.startsWith('^') || /(?<!\\)\$$/.test(text))) return null;
  const before = text.startsWith('^') || inner.startsWith('.*') ? '' : '.*';
  const after = /(?<!\\)\$$/.test(text) || inner.endsWith('.*') ? '' : '.*';
  return `${before}${grouped}${after}`.replace(/^(?:\.\*)+/, '.*').replace(/(?:\.\*)+$/, '.*');
}

function topLevelBar(text: string): boolean {
  let depth = 0;
  for (const [at, sign] of Array.from(text).entries()) {
    if (text.charAt(at - 1) === '\\') continue;
    if (sign === '(') depth += 1;
    else if (sign === ')') depth -= 1;
    else if (sign === '|' && depth === 0) return true;
  }
  return false;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function named(text: string, narrower: boolean): Readonly<{ host: string; narrower: boolean }> | null {
  return /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i.test(text)
    ? { host: text.toLowerCase(), narrower }
    : null;
}

function wild(text: string): Readonly<{ host: string; narrower: boolean }> | null {
  const found = named(text, false);
  return found === null || /^[\d.]+$/.test(text) ? null : { host: `**.${found.host}`, narrower: false };
}
