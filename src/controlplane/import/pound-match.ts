/** The conditions of a service of Pound as one match of ours; what cannot be said exactly is named, and then all of it is. */

import { parseNetwork } from '../../core/address.ts';
import { consistsOf, tokenOctet } from '../../core/http/octets.ts';
import { isRemovedFromRequest } from '../../core/http/removed-fields.ts';
import { hostPattern, pathPattern, patternOptions, valuePattern, type PatternOptions } from './pound-patterns.ts';
import type { Directive } from './pound-text.ts';

export type MatchObject = Readonly<Record<string, unknown>>;

/** `impossible` are lines whose condition we cannot say: without them the service would take more than it did. */
export type Conditions = Readonly<{ matches: readonly MatchObject[]; narrower: readonly Directive[]; impossible: readonly Directive[] }>;

/** Lists of addresses that were given a name. */
export type Lists = ReadonlyMap<string, readonly string[] | null>;

const plain: PatternOptions = { kind: 're', icase: false };
const exact: PatternOptions = { kind: 'exact', icase: false };

const kinds: ReadonlySet<string> = new Set([
  'url',
  'path',
  'query',
  'queryparam',
  'host',
  'header',
  'headrequire',
  'headdeny',
  'method',
  'acl',
  'match',
  'not',
  'stringmatch',
  'basicauth',
  'tbf',
  'clientcert',
  'eval',
  'luamatch',
]);

/** Whether a directive says which requests are meant. */
export function isCondition({ key, name, words }: Directive): boolean {
  // With a pattern it is a condition; alone it switches something on.
  return kinds.has(key) || (key === 'condition' && words.length > 0) || /^not$/i.test(name);
}

export function conditionsOf(all: readonly Directive[], lists: Lists): Conditions {
  const matches: MatchObject[] = [];
  const narrower: Directive[] = [];
  const impossible: Directive[] = [];
  for (const each of all) {
    const found = matchOf(each, lists, narrower);
    if (found === null) impossible.push(each);
    else if (found !== true) matches.push(found);
  }
  return { matches, narrower, impossible };
}

/** One match: keys that are all different stand in one, others beside each other. */
export function joined(matches: readonly MatchObject[]): MatchObject | null {
  const [first, ...more] = matches;
  if (first === undefined) return null;
  if (more.length === 0) return first;
  const keys = matches.flatMap((each) => Object.keys(each));
  return new Set(keys).size === keys.length ? Object.fromEntries(matches.flatMap((each) => Object.entries(each))) : { all: matches };
}

/** `true`: it is met by everybody. Null: it cannot be said. */
function matchOf(each: Directive, lists: Lists, narrower: Directive[]): MatchObject | true | null {
  const { key, words, body } = each;
  if (key === 'not') {
    const [name = '', ...rest] = words;
    const inner = matchOf({ ...each, name, key: name.toLowerCase(), words: rest }, lists, []);
    // Nothing that is narrower may stand behind a not, for it would be wider.
    if (inner === null || inner === true || narrowed({ ...each, key: name.toLowerCase(), words: rest }, lists)) return null;
    return { not: inner };
  }
  if (key === 'match' && body !== null) return groupOf(each, lists, narrower);
  if (key === 'acl') return addressesOf(each, lists);
  if (key === 'method') return wordMatch(words, exact, (text) => (/^[A-Z][A-Z-]{0,19}$/.test(text) ? { method: text } : null));
  if (key === 'path' || key === 'url') {
    const read = patternOptions(words, plain);
    const path = read === null ? null : pathPattern(read.text, read.options);
    return path === null || path === true ? path : { path: { regex: path } };
  }
  if (key === 'host') return hostMatch(each, words, exact, narrower);
  if (key === 'queryparam') return parameterOf(words);
  if (key === 'headrequire' || key === 'header') return headerOf(each, narrower);
  if (key === 'headdeny') {
    const passed: Directive[] = [];
    const inner = headerOf(each, passed);
    // Letters may be large or small for Pound, and are not for us: less would be denied.
    return inner === null || inner === true || passed.length > 0 ? null : { not: inner };
  }
  return null;
}

function narrowed(each: Directive, lists: Lists): boolean {
  const found: Directive[] = [];
  matchOf(each, lists, found);
  return found.length > 0;
}

function groupOf({ words, body }: Directive, lists: Lists, narrower: Directive[]): MatchObject | true | null {
  const any = words[0]?.toLowerCase() === 'or';
  const parts = (body ?? []).map((inner) => matchOf(inner, lists, narrower));
  if (parts.includes(null) || parts.length === 0) return null;
  if (any && parts.includes(true)) return true;
  const real = parts.filter((part): part is MatchObject => part !== null && part !== true);
  if (real.length === 0) return true;
  return any ? { any: real } : { all: real };
}

function addressesOf({ words, body }: Directive, lists: Lists): MatchObject | null {
  if (words.some((word) => word.startsWith('-'))) return null;
  const found = body === null ? (lists.get(words[0] ?? '') ?? null) : addressList(body);
  return found === null || found.length === 0 || found.length > 100 ? null : { from: found };
}

/** Null where one of them is no network: the list would be another one. */
export function addressList(body: readonly Directive[]): readonly string[] | null {
  const all = body.map(({ name }) => name);
  return all.every((text) => parseNetwork(text) !== null) ? all : null;
}

function wordMatch(words: readonly string[], usual: PatternOptions, make: (text: string) => MatchObject | null): MatchObject | null {
  const read = patternOptions(words, usual);
  return read === null || read.options.kind !== 'exact' || read.options.icase ? null : make(read.text);
}

function hostMatch(each: Directive, words: readonly string[], usual: PatternOptions, narrower: Directive[]): MatchObject | true | null {
  const read = patternOptions(words, usual);
  if (read !== null && read.options.kind === 're' && read.text === '.*') return true;
  const found = read === null ? null : hostPattern(read.text, read.options);
  if (found === null) return null;
  if (found.narrower) narrower.push(each);
  return { host: found.host };
}

/** `QueryParam "name" [options] "pattern"`. */
function parameterOf([name = '', ...words]: readonly string[]): MatchObject | null {
  const read = patternOptions(words, plain);
  const value = read === null ? null : valuePattern(read.text, read.options);
  return value === null || name === '' || name.length > 200 ? null : { query: { [name]: value } };
}

/** `HeadRequire "Host: .*x.*"`, and of version 1 `HeadRequire Host ".*x.*"`. */
function headerOf(each: Directive, narrower: Directive[]): MatchObject | true | null {
  const read = patternOptions(each.words.length === 2 && !each.words[0]?.startsWith('-') ? [each.words.join(':')] : each.words, plain);
  const [, name = '', pattern = ''] = /^\^?([\w-]+)\s*:[ \t]*(.*)$/.exec(read?.text.replace(/^(\^?[\w-]+):\[ \\t\]\*/, '$1:') ?? '') ?? [];
  const lower = name.toLowerCase();
  if (read === null || lower === '') return null;
  // "Name:" stood before the value, so the value begins where the pattern does.
  if (lower === 'host')
    return hostMatch(each, ['-re', pattern.startsWith('.*') ? pattern : `^${pattern.replace(/^\^/, '')}`], plain, narrower);
  const value = valuePattern(`^${pattern.replace(/^\^/, '')}`, { ...read.options, icase: false });
  if (typeof value === 'string' && /[a-z]/i.test(value)) narrower.push(each);
  if (value === null || isRemovedFromRequest(lower) || !consistsOf(lower, tokenOctet) || lower.length > 100) return null;
  return { header: { [lower]: value } };
}
